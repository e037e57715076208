import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { DEFAULT_RECORDING } from '../../electron/contract/model.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { SegmentRemover } from '../../electron/recording/segment-remover.ts';
import { Retention } from '../../electron/retention/retention.ts';
import { Storage } from '../../electron/storage/client.ts';
import { encodeKeyframes } from '../../electron/storage/keyframes.ts';
import { DATABASE_FILE } from '../../electron/storage/layout.ts';
import { DatabaseSync } from 'node:sqlite';
import type { BenchRow } from './row.ts';

/*
 * Segments that are too old are deleted while a recorder lists new ones and a person seeks: how fast that goes, and what the other two wait
 * for it, against the same without a deletion. The rows are real, their files are not there: what unlinking costs is the disk's own.
 */
const SEGMENTS = Number(process.env['KEYHOLE_BENCH_DELETED'] ?? 100_000);
const DAY = 86_400_000;
const PROBES = 200;
const ID = 'cam-aaaaaaaa';

export async function run(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-retention-'));
  try {
    await (await Storage.open({ dataDir, log: silentLog })).close();
    const now = Date.now();
    fill(join(dataDir, DATABASE_FILE), now - 60 * DAY - SEGMENTS * 60_000);
    const storage = await Storage.open({ dataDir, log: silentLog });
    const folders = new StorageFolders(dataDir);
    try {
      await storage.call('updateCamera', { id: ID, recording: { ...DEFAULT_RECORDING, keepDays: 30 } });
      const alone = await probe(storage, now, 0);
      const remover = new SegmentRemover(storage);
      const retention = new Retention({ storage, remover, folders, clock: systemClock, log: silentLog, floor: () => ({ bytes: 0 }) });
      const began = performance.now();
      let took = 0;
      const work = retention.run().then(() => (took = performance.now() - began));
      const beside = await probe(storage, now, 1);
      await work;
      const rate = (retention.counters.segments / took) * 1000;
      await retention.close();
      return [
        { name: 'retention: segments deleted, with their files', value: rate, unit: '1/s', target: '64 cameras record 6 a second' },
        against('retention: listing a finished segment meanwhile, p95', beside.insert, alone.insert),
        against('retention: finding the keyframe of a time meanwhile, p95', beside.locate, alone.locate),
      ];
    } finally {
      folders.close();
      await storage.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function against(name: string, value: number, alone: number): BenchRow {
  return { name, value, unit: 'ms', against: { name: 'without deletion', value: alone, ratio: value / alone } };
}

/** What a recorder and a person wait for, milliseconds at the 95th percentile. */
async function probe(storage: Storage, now: number, round: number): Promise<{ insert: number; locate: number }> {
  const inserts: number[] = [];
  const locates: number[] = [];
  for (let i = 0; i < PROBES; i++) {
    const start = utcMs(now + (round * PROBES + i) * 60_000);
    const keyframes = [{ at: start, offset: 700, bytes: 1_000 }];
    const where = { folder: 0, origin: 'live', archive: null, hash: null } as const;
    inserts.push(
      await timed(() =>
        storage.call('insertSegment', { camera: 1, start, end: utcMs(start + 60_000), bytes: 1_700, codec: 'avc1', keyframes, ...where }),
      ),
    );
    locates.push(await timed(() => storage.call('locate', { camera: 1, at: utcMs(start + 10) })));
  }
  return { insert: p95(inserts), locate: p95(locates) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function p95(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? NaN;
}

function fill(path: string, from: number): void {
  const db = new DatabaseSync(path);
  const list = encodeKeyframes(from, [{ at: utcMs(from), offset: 700, bytes: 1_000 }]);
  db.exec('PRAGMA synchronous = OFF');
  db.prepare("INSERT INTO camera (id, name, created_ms, source_kind, source) VALUES (?, 'bench', ?, 'rtsp', x'01')").run(ID, from);
  db.exec("INSERT INTO codec (name) VALUES ('avc1')");
  const minutes = 'WITH RECURSIVE minute(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM minute WHERE n < ? - 1)';
  db.prepare(
    `${minutes} INSERT INTO segment (camera, start_ms, duration_ms, bytes, codec, folder) SELECT 1, ? + n * 60000, 60000, 30000000, 1, 0 FROM minute`,
  ).run(SEGMENTS, from);
  db.prepare(`${minutes} INSERT INTO keyframes (camera, start_ms, list) SELECT 1, ? + n * 60000, ? FROM minute`).run(SEGMENTS, from, list);
  db.prepare('INSERT INTO span VALUES (1, ?, ?)').run(from, from + SEGMENTS * 60_000);
  db.close();
}
