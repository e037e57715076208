import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { DEFAULT_RECORDING, type RecordingChanges } from '../contract/model.ts';
import { StorageFolders } from '../recording/folders.ts';
import { SegmentRemover } from '../recording/segment-remover.ts';
import { segmentFile } from '../segment/names.ts';
import { Storage } from '../storage/client.ts';
import type { NewSegment } from '../storage/interface.ts';
import { Retention } from './retention.ts';

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 1);
const IDS = ['cam-aaaaaaaa', 'cam-bbbbbbbb'];

let dataDir: string;
let storage: Storage;
let clock: SimulatedClock;
let folders: StorageFolders;
let retention: Retention;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-retention-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0 + 100 * DAY);
  folders = new StorageFolders(dataDir, { clock, patienceMs: 1e9 });
  retention = new Retention({ storage, remover: new SegmentRemover(storage), folders, clock, log: silentLog, floor: () => ({ bytes: 0 }) });
});

afterEach(async () => {
  await pass(retention.close());
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Time goes on until it is done, but not by hours while the disk is at work. */
async function pass(work: Promise<void>): Promise<void> {
  let done = false;
  void work.finally(() => (done = true));
  while (!done) {
    await clock.advance(5);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function addCamera(index: number, settings: RecordingChanges): Promise<void> {
  const id = IDS[index] ?? '';
  await storage.call('addCamera', { id, name: id, createdAt: utcMs(T0), sourceKind: 'rtsp', source: new Uint8Array([1]) });
  await storage.call('updateCamera', { id, recording: { ...DEFAULT_RECORDING, ...(settings as object) } });
}

/** Six hours of the camera, with its file. */
async function record(camera: number, start: number, more: Partial<NewSegment> = {}): Promise<UtcMs> {
  const path = join(dataDir, segmentFile(IDS[camera - 1] ?? '', start));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, new Uint8Array(1_000));
  const where = { folder: 0, origin: 'live', archive: null, hash: null } as const;
  const keyframes = [{ at: utcMs(start), offset: 700, bytes: 300 }];
  const times = { start: utcMs(start), end: utcMs(start + 3_600_000) };
  await storage.call('insertSegment', { camera, ...times, bytes: 1_000, codec: 'avc1', keyframes, ...where, ...more });
  return utcMs(start);
}

async function recordDays(camera: number, from: number, to: number): Promise<void> {
  for (let day = from; day < to; day++) await record(camera, T0 + day * DAY);
}

/** Days since T0 whose rows are there. */
async function days(camera: number): Promise<number[]> {
  const range = { camera, from: utcMs(0), to: utcMs(T0 + 1_000 * DAY) };
  return (await storage.call('segmentsInRange', range)).map(({ start }) => (start - T0) / DAY);
}

const files = (camera: number): string[] => {
  const root = join(dataDir, 'recordings', IDS[camera - 1] ?? '');
  return existsSync(root) ? readdirSync(root) : [];
};

describe('the age of recordings', () => {
  it('deletes what is older than the camera keeps, its files and their empty folders, and says so in the ledger', async () => {
    await addCamera(0, { keepDays: 30 });
    await addCamera(1, {});
    await recordDays(1, 60, 75);
    await recordDays(2, 60, 75);
    await pass(retention.run());
    expect(await days(1)).toEqual([70, 71, 72, 73, 74]);
    expect(await days(2)).toHaveLength(15);
    expect(files(1)).toHaveLength(5);
    expect(files(2)).toHaveLength(15);
    expect(await storage.call('garbage', {})).toEqual([]);
    const gaps = await storage.call('gaps', { camera: 1, from: utcMs(T0), to: utcMs(T0 + 200 * DAY) });
    expect(gaps).toHaveLength(10);
    expect(gaps[0]).toMatchObject({ reason: 'deleted-by-retention', text: expect.stringContaining('older than 30 days') as unknown });
  });

  it('goes on day by day, and applies to a camera that was removed and whose recordings were kept', async () => {
    await addCamera(0, { keepDays: 30 });
    await recordDays(1, 60, 90);
    await storage.call('removeCamera', { id: IDS[0] ?? '', at: utcMs(clock.now()), forgetRecordings: false });
    for (const expected of [20, 19, 18]) {
      await pass(retention.run());
      expect(await days(1)).toHaveLength(expected);
      clock.jump(DAY);
      await clock.advance(60_000);
    }
  });

  it('is no matter where a camera goes with its recordings: rows and files go before anything of another camera', async () => {
    await addCamera(0, {});
    await addCamera(1, {});
    await recordDays(1, 60, 75);
    await recordDays(2, 50, 55);
    await storage.call('removeCamera', { id: IDS[0] ?? '', at: utcMs(clock.now()), forgetRecordings: true });
    await pass(retention.run());
    expect(files(1)).toEqual([]);
    expect(existsSync(join(dataDir, 'recordings', IDS[0] ?? ''))).toBe(false);
    expect(await storage.call('totals', {})).toEqual({ segments: 5, bytes: 5_000 });
    expect(await storage.call('garbage', {})).toEqual([]);
    expect(retention.counters).toMatchObject({ forgotten: 15, segments: 0 });
    expect(files(2)).toHaveLength(5);
  });

  it('spares what is protected until it is let go, and events for as long as they are to be kept', async () => {
    await addCamera(0, { keepDays: 10, keepEventDays: 60, preRollS: 5, postRollS: 15 });
    await recordDays(1, 20, 95);
    const event = (day: number, afterMs: number) =>
      storage.call('addEvent', {
        camera: 1,
        start: utcMs(T0 + day * DAY + 3_600_000 + afterMs),
        end: utcMs(T0 + day * DAY + 3_600_000 + afterMs + 1_000),
        kind: 'motion',
        source: 'test',
        score: null,
        text: '',
      });
    // Both after the footage ended: one within what surrounds an event, one beyond; and one that is too old itself.
    await event(50, 4_000);
    await event(51, 6_000);
    await event(30, -1_000);
    const range = { start: utcMs(T0 + 25 * DAY), end: utcMs(T0 + 25 * DAY + 1) };
    const { key } = await storage.call('addProtected', { camera: 1, ...range, until: null, kind: 'bookmark', text: 'the fox' });
    await pass(retention.run());
    expect(await days(1)).toEqual([25, 50, 90, 91, 92, 93, 94]);
    expect(files(1)).toHaveLength(7);
    await storage.call('removeProtected', { key });
    retention.wake();
    await pass(retention.run());
    expect(await days(1)).toEqual([50, 90, 91, 92, 93, 94]);
  });
});

describe('the bytes of a camera', () => {
  it('are brought below what it may take, oldest first; footage of events goes last, protected never', async () => {
    await addCamera(0, { keepBytes: 5_000, keepEventDays: 90 });
    await addCamera(1, {});
    await recordDays(1, 80, 90);
    await recordDays(2, 80, 90);
    const start = utcMs(T0 + 81 * DAY);
    await storage.call('addEvent', { camera: 1, start, end: utcMs(start + 1), kind: 'motion', source: 'x', score: null, text: '' });
    await pass(retention.run());
    expect(await days(1)).toEqual([81, 86, 87, 88, 89]);
    expect(await days(2)).toHaveLength(10);
    for (let day = 82; day < 87; day++) {
      const range = { start: utcMs(T0 + day * DAY), end: utcMs(T0 + (day + 1) * DAY) };
      await storage.call('addProtected', { camera: 1, ...range, until: null, kind: 'export', text: '' });
    }
    await storage.call('updateCamera', { id: IDS[0] ?? '', recording: { ...DEFAULT_RECORDING, keepBytes: 500, keepEventDays: 90 } });
    retention.wake();
    await pass(retention.run());
    expect(await days(1)).toEqual([86]);
  });
});

describe('what the archive has', () => {
  it('stays listed without its file, and the ledger says nothing is missing', async () => {
    await addCamera(0, { keepDays: 30 });
    await record(1, T0 + 60 * DAY, { archive: 1 });
    await record(1, T0 + 61 * DAY);
    await pass(retention.run());
    const range = { camera: 1, from: utcMs(T0), to: utcMs(T0 + 200 * DAY) };
    expect(await storage.call('segmentsInRange', range)).toMatchObject([{ start: T0 + 60 * DAY, folder: null, archive: 1 }]);
    expect(await storage.call('gaps', range)).toMatchObject([{ start: T0 + 61 * DAY }]);
    expect(files(1)).toEqual([]);
  });
});

describe('a folder that is not connected', () => {
  it('keeps its files and the notes of what is to be deleted there, and loses them when it is back', async () => {
    await addCamera(0, { keepDays: 30 });
    await recordDays(1, 60, 65);
    const away = join(dataDir, 'recordings');
    const root = folders.root.bind(folders);
    folders.root = () => null;
    await pass(retention.run());
    expect(await days(1)).toEqual([]);
    expect(await storage.call('garbage', {})).toHaveLength(5);
    expect(readdirSync(join(away, IDS[0] ?? ''))).toHaveLength(5);
    folders.root = root;
    await pass(retention.run());
    expect(await storage.call('garbage', {})).toEqual([]);
    expect(files(1)).toEqual([]);
  });
});
