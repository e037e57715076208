import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../test/fakes/memory-store.ts';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { MARKER_FILE, segmentFile } from '../segment/names.ts';
import { Storage } from '../storage/client.ts';
import { ArchiveKey } from './archive-key.ts';
import type { ArchiveBook, KnownArchive } from './book.ts';
import { Uploader } from './uploader.ts';

const T0 = Date.UTC(2026, 10, 23, 10);
const ID = 'cam-abcdefgh';
const at = (minute: number): UtcMs => utcMs(T0 + minute * 60_000);

let dir: string;
let clock: SimulatedClock;
let storage: Storage;
let store: MemoryStore;
let uploader: Uploader;
let camera: number;
/** Storage folders that are connected. */
let connected: Set<number>;
const rootOf = (folder: number) => join(dir, `disk${folder}`);

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-uploader-'));
  clock = new SimulatedClock(T0);
  storage = await Storage.open({ dataDir: join(dir, 'data'), log: silentLog });
  const source = { sourceKind: 'rtsp', source: new Uint8Array([1]) } as const;
  ({ key: camera } = await storage.call('addCamera', { id: ID, name: 'Yard', createdAt: at(0), ...source }));
  await storage.call('setSetting', { key: 'archive.current', value: '1' });
  store = new MemoryStore();
  connected = new Set([0, 2]);
  for (const folder of connected) mark(folder);
  const current: KnownArchive = { number: 1, id: 'archive-one', target: { kind: 'folder', path: '/a' }, key: ArchiveKey.create(), store };
  const settings = { target: current.target, rateKbps: null, keepDays: null, keepBytes: null };
  const book = { current, all: [current], settings, backfillDue: async () => false } as unknown as ArchiveBook;
  uploader = new Uploader({
    storage,
    book,
    clock,
    log: silentLog,
    folders: { root: (folder) => (connected.has(folder) ? rootOf(folder) : null) },
    behind: () => false,
    remove: (args) => storage.call('deleteSegments', args),
    changed: () => {},
  });
});
afterEach(async () => {
  await uploader.close();
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

function mark(folder: number): void {
  mkdirSync(join(rootOf(folder), 'recordings'), { recursive: true });
  writeFileSync(join(rootOf(folder), 'recordings', MARKER_FILE), '{}');
}
const pathOf = (minute: number, folder: number) => join(rootOf(folder), segmentFile(ID, at(minute), 'live'));

async function recorded(minute: number, folder: number): Promise<void> {
  const path = pathOf(minute, folder);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, new Uint8Array(1_000).fill(minute));
  const keyframes = [{ at: at(minute), offset: 0, bytes: 1_000 }];
  const row = {
    start: at(minute),
    end: at(minute + 1),
    bytes: 1_000,
    codec: 'avc1',
    keyframes,
    origin: 'live',
    archive: null,
    hash: null,
  } as const;
  await storage.call('insertSegment', { ...row, camera, folder });
}

/** Minutes of which the archive has a copy, when it has so many. */
async function copied(count: number): Promise<number[]> {
  await expect.poll(() => clock.advance(1_000).then(() => uploader.counters.copied), { interval: 1, timeout: 20_000 }).toBe(count);
  const rows = await storage.call('segmentsInRange', { camera, from: at(0), to: at(1_000) });
  return rows.filter(({ archive }) => archive === 1).map(({ start }) => (start - T0) / 60_000);
}

describe('what waits to be copied to the archive', () => {
  it('goes past a disk that is away, which is gone on with when it is back', async () => {
    for (const minute of [1, 2, 3]) await recorded(minute, 2);
    for (const minute of [4, 5]) await recorded(minute, 0);
    connected.delete(2);
    uploader.start();
    expect(await copied(2)).toEqual([4, 5]);
    expect(clock.monotonic()).toBeLessThan(30_000);
    connected.add(2);
    expect(await copied(5)).toEqual([1, 2, 3, 4, 5]);
    expect(uploader.counters).toMatchObject({ skipped: 0, failures: 0 });
  });

  it('is not taken for gone where the disk went this very moment, and is where only the file is', async () => {
    for (const minute of [1, 2]) await recorded(minute, 2);
    await recorded(3, 0);
    rmSync(pathOf(1, 2));
    // Its mount point is an empty folder, and nobody has noticed yet.
    renameSync(rootOf(2), `${rootOf(2)}.away`);
    mkdirSync(rootOf(2));
    uploader.start();
    expect(await copied(1)).toEqual([3]);
    expect(uploader.counters.skipped).toBe(0);
    rmSync(rootOf(2), { recursive: true });
    renameSync(`${rootOf(2)}.away`, rootOf(2));
    expect(await copied(2)).toEqual([2, 3]);
    expect(uploader.counters.skipped).toBe(1);
  });

  it('is not held up by a file that cannot be read', async () => {
    for (const minute of [1, 2]) await recorded(minute, 0);
    rmSync(pathOf(1, 0));
    symlinkSync(pathOf(1, 0), pathOf(1, 0));
    uploader.start();
    expect(await copied(1)).toEqual([2]);
    rmSync(pathOf(1, 0));
    writeFileSync(pathOf(1, 0), new Uint8Array(1_000));
    expect(await copied(2)).toEqual([1, 2]);
  });

  it('is tried again ever more rarely while the archive is away', async () => {
    await recorded(1, 0);
    store.failure = new CodedError('archive-unreachable', 'There is no network.');
    uploader.start();
    await expect.poll(() => clock.advance(10_000).then(() => clock.monotonic()), { interval: 2 }).toBeGreaterThan(600_000);
    expect(uploader.error).toMatchObject({ code: 'archive-unreachable' });
    expect(uploader.counters.failures).toBeLessThan(12);
    store.failure = null;
    expect(await copied(1)).toEqual([1]);
    expect(uploader.error).toBeNull();
  });

  it('is copied to a server that cannot say what was cut off there', async () => {
    await recorded(1, 0);
    store.tidy = () => Promise.reject(new CodedError('archive-refused', 'The archive refuses the request (NotImplemented 501).'));
    uploader.start();
    expect(await copied(1)).toEqual([1]);
    expect(uploader.counters.failures).toBe(0);
  });
});
