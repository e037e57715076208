import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { segmentFile } from '../segment/names.ts';
import { Storage } from '../storage/client.ts';
import { StorageFolders } from './folders.ts';
import { collectGarbage } from './garbage.ts';
import { RangeDeletion } from './range-deletion.ts';
import { SegmentRemover } from './segment-remover.ts';

const CAMERA = 'cam-aaaaaaaa';
const T0 = Date.UTC(2026, 10, 23, 10);
const minute = (n: number) => utcMs(T0 + n * 60_000);
const COUNT = 450;

let dataDir: string;
let storage: Storage;
let camera: number;
let deletion: RangeDeletion;
let told: unknown[];
const said: { why: string; count: number }[] = [];

const fileOf = (n: number) => join(dataDir, segmentFile(CAMERA, minute(n)));

/** Minutes 0 to 449, of which 100 is missing because the session was lost. */
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-deletion-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  const row = { id: CAMERA, name: 'A', createdAt: minute(0), sourceKind: 'rtsp', source: new Uint8Array([1]) } as const;
  camera = (await storage.call('addCamera', row)).key;
  for (let n = 0; n < COUNT; n++) {
    if (n === 100) continue;
    const keyframes = [{ at: minute(n), offset: 10, bytes: 90 }];
    const place = { folder: 0, origin: 'live', archive: null, hash: null } as const;
    await storage.call('insertSegment', { camera, start: minute(n), end: minute(n + 1), bytes: 100, codec: 'avc1', keyframes, ...place });
    mkdirSync(dirname(fileOf(n)), { recursive: true });
    writeFileSync(fileOf(n), 'x');
  }
  await storage.call('addGap', { camera, start: minute(100), end: minute(101), reason: 'session-lost', text: 'Lost.' });
  told = [];
  said.length = 0;
  const proofs = {
    sealed: () => Promise.resolve(null),
    removed: ({ ranges, why }: { ranges: readonly { count: number }[]; why: string }) => {
      said.push(...ranges.map(({ count }) => ({ why, count })));
      return Promise.resolve();
    },
  };
  deletion = new RangeDeletion({
    storage,
    remover: new SegmentRemover(storage, proofs),
    clock: new SimulatedClock(minute(1_000)),
    collect: (...args) => told.push(args),
  });
}, 60_000);

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const everything = () => ({ camera, from: minute(0), to: minute(COUNT) });

describe('a range that a person deletes', () => {
  it('goes with every segment that holds any of it, files too, and the rest of its time keeps its reason', async () => {
    const range = { camera: CAMERA, from: utcMs(minute(10) + 1), to: utcMs(minute(400) + 1) };
    expect(await deletion.delete({ ...range, dryRun: true })).toEqual({ from: minute(10), to: minute(401), segments: 390, bytes: 39_000 });
    expect(await storage.call('spans', everything())).toHaveLength(2);
    expect(told).toEqual([]);

    expect(await deletion.delete(range)).toEqual({ from: minute(10), to: minute(401), segments: 390, bytes: 39_000 });
    expect(await storage.call('spans', everything())).toEqual([
      { from: minute(0), to: minute(10) },
      { from: minute(401), to: minute(COUNT) },
    ]);
    expect((await storage.call('gaps', everything())).map(({ start, end, reason }) => [start, end, reason])).toEqual([
      [minute(10), minute(100), 'deleted-by-person'],
      [minute(100), minute(101), 'session-lost'],
      [minute(101), minute(401), 'deleted-by-person'],
    ]);
    expect(told).toEqual([[CAMERA, expect.objectContaining({ from: minute(10), to: minute(401) })]]);
    expect(said.every(({ why }) => why === 'person')).toBe(true);
    expect(said.reduce((sum, { count }) => sum + count, 0)).toBe(390);
    await collectGarbage({ storage, folders: new StorageFolders(dataDir), log: silentLog });
    expect([9, 10, 400, 401].map((n) => existsSync(fileOf(n)))).toEqual([true, false, false, true]);
  });

  it('is refused whole where something in it is protected, by its name, and until then only', async () => {
    const { Database } = await import('better-sqlite3').then((module) => ({ Database: module.default }));
    const db = new Database(join(dataDir, 'keyhole.db'));
    const protect = db.prepare('INSERT INTO protected (camera, start_ms, end_ms, until_ms, kind, text) VALUES (?, ?, ?, ?, ?, ?)');
    protect.run(camera, minute(20), minute(21), null, 'bookmark', 'The break-in');
    protect.run(camera, minute(30), minute(31), minute(900), 'export', '');
    db.close();
    const refused = deletion.delete({ camera: CAMERA, from: utcMs(minute(20) + 59_999), to: minute(25) });
    await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('The break-in') as string });
    expect(await storage.call('spans', everything())).toHaveLength(2);
    // The segment reaches farther than the range: its time counts.
    await expect(deletion.delete({ camera: CAMERA, from: minute(19), to: minute(20) })).resolves.toMatchObject({ segments: 1 });
    await expect(deletion.delete({ camera: CAMERA, from: minute(30), to: minute(31) })).resolves.toMatchObject({ segments: 1 });
  });

  it('is nothing where nothing is', async () => {
    expect(await deletion.delete({ camera: CAMERA, from: minute(100), to: minute(101) })).toMatchObject({ segments: 0, bytes: 0 });
    expect(told).toEqual([]);
    await expect(deletion.delete({ camera: 'cam-zzzzzzzz', from: minute(0), to: minute(1) })).rejects.toMatchObject({ code: 'not-found' });
  });
});
