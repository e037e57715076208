import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { Storage } from '../../electron/storage/client.ts';
import { DatabaseCopies } from '../../electron/storage/copies.ts';
import { DATABASE_FILE } from '../../electron/storage/layout.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';
import { UnitMaker } from '../fixtures/muxed-units.ts';
import { fill } from './index-size.ts';
import type { BenchRow } from './row.ts';

/*
 * The start on an index of 5 million segments, and what its repair costs. Rows are made in the database alone; files are scanned in a smaller
 * number, and the time of as many is extrapolated, which the row says.
 */
const SEGMENTS = Number(process.env['KEYHOLE_BENCH_SEGMENTS'] ?? 5_000_000);
const FILES = Number(process.env['KEYHOLE_BENCH_FILES'] ?? 2_000);
const A_DAY = 16 * 1_440;

export async function run(): Promise<BenchRow[]> {
  return [...(await startRows()), ...(await repairRows())];
}

async function startRows(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-start-'));
  const path = join(dataDir, DATABASE_FILE);
  try {
    await (await Storage.open({ dataDir, log: silentLog })).close();
    fill(path, Math.ceil(SEGMENTS / A_DAY));
    const bare = timed(() => new DatabaseSync(path).close());
    const began = performance.now();
    const storage = await Storage.open({ dataDir, log: silentLog });
    const opened = performance.now() - began;
    await storage.call('totals', {});
    const asked = performance.now();
    await storage.call('totals', {});
    const totals = performance.now() - asked;
    await storage.close();
    const db = new DatabaseSync(path);
    const counted = timed(() => void db.prepare('SELECT count(*), sum(bytes) FROM segment').get());
    db.close();
    const { bytes, checkMs, copyMs } = await new DatabaseCopies({
      dataDir,
      clock: systemClock,
      log: silentLog,
      onFailure: () => {},
    }).copy();
    return [
      row(`open an index of ${SEGMENTS} segments`, opened, 'ms', 'SQLite alone opens it', bare),
      row('totals for the metrics', totals, 'ms', 'counting the rows', counted),
      row(`daily check of the index (${Math.round(bytes / 1e6)} MB), beside the recording`, checkMs, 'ms', 'its copy', copyMs),
    ];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** An index that is gone, and footage of 30 s and 1.5 MB a file. */
async function repairRows(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-repair-'));
  const start = Date.UTC(2026, 0, 1);
  try {
    const storage = await Storage.open({ dataDir, log: silentLog });
    const row0 = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(start), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
    const camera = await storage.call('addCamera', row0);
    const parts = recordingParts(storage, dataDir);
    const remux = () => {
      throw new Error('these units come with their fragments');
    };
    const settings = () => ({ ...parts.settings(), segmentS: 30 });
    const recorder = new Recorder({ camera, ...parts, settings, clock: new SimulatedClock(start), log: silentLog, remux });
    recorder.sourceStatus({ state: 'live', reason: null });
    for (const unit of new UnitMaker().video({ at: start, lengthMs: FILES * 30_000, bytes: 2_000 })) {
      recorder.push(unit);
      if (unit.key) await recorder.settled();
    }
    await recorder.close();
    const { segments } = await storage.call('totals', {});
    const clean = await timedAsync(() => repairIndex({ ...parts, log: silentLog }));
    await storage.call('removeSegments', { camera: camera.key, from: utcMs(0), to: utcMs(Number.MAX_SAFE_INTEGER) });
    const rebuilt = await timedAsync(() => repairIndex({ ...parts, log: silentLog, all: true }));
    await storage.close();
    const hours = ((rebuilt / segments) * SEGMENTS) / 3_600_000;
    return [
      row(`compare ${segments} files with their rows`, clean, 'ms', 'listing them anew from the files', rebuilt),
      row(
        `list a file of 1.5 MB anew (${SEGMENTS} of them: ${hours.toFixed(1)} h, extrapolated, in the background)`,
        rebuilt / segments,
        'ms',
        'comparing it',
        clean / segments,
      ),
    ];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function row(name: string, value: number, unit: string, against: string, other: number): BenchRow {
  return { name, value, unit, against: { name: against, value: other, ratio: value / other } };
}

function timed(what: () => void): number {
  const began = performance.now();
  what();
  return performance.now() - began;
}

async function timedAsync(what: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await what();
  return performance.now() - began;
}
