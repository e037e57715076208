import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { DEFAULT_RECORDING } from '../../electron/contract/model.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import type { NewSegment } from '../../electron/segment/segment.ts';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import { Storage } from '../../electron/storage/client.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { UnitMaker } from '../fixtures/muxed-units.ts';
import { VolatileDisk } from './volatile-disk.ts';

/*
 * Power cuts, at the level of files: the recorder writes to a disk that keeps only what was made safe, and at thousands of points of that
 * history the real repair meets what a cut there may have left.
 */

const CUTS = Number(process.env['KEYHOLE_CUTS'] ?? 2_000);
const SEED = Number(process.env['KEYHOLE_SEED'] ?? 20261126);
/** What a power cut may cost: half a second until a batch is written, a second until it is synced, and the frame under way. */
const MAX_LOST_MS = 2_000;
const T0 = Date.UTC(2026, 10, 23, 23, 59, 7, 300);
const LENGTH_MS = 75_000;
const ID = 'cam-aaaaaaaa';
const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let dataDir: string;
let scratch: string;
let storage: Storage;
let camera: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(ROOM, 'keyhole-cut-'));
  scratch = mkdtempSync(join(ROOM, 'keyhole-cut-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  const row = { id: ID, name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  camera = (await storage.call('addCamera', row)).key;
});

afterEach(async () => {
  await storage.close();
  for (const folder of [dataDir, scratch]) rmSync(folder, { recursive: true, force: true });
});

type Mark = { readonly pushed: number } | { readonly row: NewSegment };

/** Over midnight, so that a day's folder is made under way too. */
async function record(disk: VolatileDisk): Promise<void> {
  const clock = new SimulatedClock(T0);
  const recorder = new Recorder({
    camera: { id: ID, key: camera },
    storage,
    // The row is committed, and synced by SQLite, when the call returns.
    register: {
      list: async ({ content: _, hash, ...row }) => disk.mark({ row: { ...row, hash: hash && new Uint8Array(hash) } } satisfies Mark),
    },
    folders: { choose: async () => ({ key: 0, root: scratch }), failed: () => false },
    settings: () => ({ ...DEFAULT_RECORDING, segmentS: 10 }),
    ...{ disk, clock, log: silentLog },
    headroomBytes: 0,
    remux: () => {
      throw new Error('these units come with their fragments');
    },
  });
  recorder.sourceStatus({ state: 'live', reason: null });
  for (const unit of new UnitMaker().video({ at: T0, lengthMs: LENGTH_MS, bytes: 900 })) {
    if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
    recorder.push(unit);
    await recorder.settled();
    disk.mark({ pushed: unit.utc } satisfies Mark);
  }
  await recorder.close();
}

const everything = () => ({ camera, from: utcMs(0), to: utcMs(Number.MAX_SAFE_INTEGER) });

/** The database and the disk as the cut leaves them. Returns the rows of that time. */
async function cut(disk: VolatileDisk, at: number, random: () => number): Promise<{ rows: NewSegment[]; pushed: number }> {
  rmSync(join(dataDir, 'recordings', ID), { recursive: true, force: true });
  mkdirSync(join(dataDir, 'recordings'), { recursive: true });
  disk.leave(at, dataDir, random);
  const marks = disk.history.slice(0, at).flatMap((one) => (one.kind === 'mark' ? [one.mark as Mark] : []));
  await storage.call('removeSegments', everything());
  const rows = marks.flatMap((mark) => ('row' in mark ? [mark.row] : []));
  for (const row of rows) await storage.call('insertSegment', row);
  return { rows, pushed: marks.findLast((mark) => 'pushed' in mark)?.pushed ?? T0 };
}

function filesLeft(): string[] {
  const folder = join(dataDir, 'recordings', ID);
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.mp4$/.test(name)).sort() : [];
}

it(`power cuts at ${CUTS} points: no row without its file, no file without its row, at most 2 s lost`, { timeout: 1_200_000 }, async () => {
  const disk = new VolatileDisk(scratch);
  await record(disk);
  const random = seededRandom(SEED);
  const parts = { storage, register: new Register(storage), folders: new StorageFolders(dataDir), log: silentLog };
  await repairIndex(parts);
  let worst = 0;
  const seen = { cut: 0, empty: 0, added: 0 };
  for (let n = 0; n < CUTS; n++) {
    const at = 1 + Math.floor(random() * disk.history.length);
    const { rows, pushed } = await cut(disk, at, random);
    const repaired = await repairIndex({ ...parts, all: true });
    const where = `seed ${SEED}, cut ${n} behind operation ${at}`;
    // A row speaks only of what is safely on the disk: no cut costs one.
    expect(repaired.lost, where).toBe(0);
    const after = await storage.call('segmentsWithKeyframes', everything());
    expect(
      after.filter(({ start }) => rows.some((row) => row.start === start)),
      where,
    ).toEqual(rows);
    expect(after.map(({ start }) => `${new Date(start).toISOString().slice(0, 10)}/${start}.mp4`).sort(), where).toEqual(filesLeft());
    for (const row of after) {
      const path = join(dataDir, 'recordings', ID, new Date(row.start).toISOString().slice(0, 10), `${row.start}.mp4`);
      expect(statSync(path).size, where).toBe(row.bytes);
      if (rows.some(({ start }) => start === row.start)) continue;
      const { segment, wholeBytes } = await scanSegment(path, row.start);
      expect({ ...segment, wholeBytes }, where).toMatchObject({ keyframes: row.keyframes, end: row.end, wholeBytes: row.bytes });
    }
    const spans = await storage.call('spans', everything());
    const lost = pushed - (spans.at(-1)?.to ?? T0);
    worst = Math.max(worst, lost);
    expect(lost, where).toBeLessThanOrEqual(MAX_LOST_MS);
    expect(spans.length, where).toBeLessThanOrEqual(1);
    seen.cut += repaired.cut;
    seen.empty += repaired.empty;
    seen.added += repaired.added;
  }
  process.stderr.write(`seed ${SEED}: ${CUTS} cuts, at worst ${worst} ms lost, ${JSON.stringify(seen)}\n`);
  // The cuts do tear files: else nothing was tried.
  expect(seen.cut).toBeGreaterThan(CUTS / 10);
});
