import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { DEFAULT_RECORDING, type RecordingSettings } from '../contract/model.ts';
import { SegmentRemover } from '../recording/segment-remover.ts';
import { Storage } from '../storage/client.ts';
import { Retention } from './retention.ts';

const T0 = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const ID = 'cam-aaaaaaaa';
const [TOTAL, FLOOR, SEGMENT] = [1e12, 1e11, 6e8];

let dataDir: string;
let storage: Storage;
let clock: SimulatedClock;
let retention: Retention;
/** What the disk says, bytes. */
let free: number;
/** Questions for old segments. */
let looks: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-space-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0 + 3_000 * HOUR);
  [free, looks] = [TOTAL, 0];
  const folder = { key: 0, root: dataDir };
  const watch = { folder, connected: true, state: 'ok', look: () => Promise.resolve(), space: { total: TOTAL, free: 0 } };
  Object.defineProperty(watch.space, 'free', { get: () => free });
  const asked = {
    call: ((name, args) => {
      if (name === 'oldSegments') looks += 1;
      return storage.call(name, args);
    }) as Storage['call'],
  };
  retention = new Retention({
    storage: asked,
    remover: new SegmentRemover(storage),
    folders: {
      all: [folder],
      root: () => dataDir,
      run: (_key: number, operation: () => Promise<unknown>) => operation(),
      watches: [watch],
    } as never,
    clock,
    log: silentLog,
    floor: () => ({ bytes: FLOOR }),
  });
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

async function recorded(hours: number, { archivedUpTo = 0, ...settings }: Partial<RecordingSettings> & { archivedUpTo?: number } = {}) {
  await storage.call('addCamera', { id: ID, name: ID, createdAt: utcMs(T0), sourceKind: 'rtsp', source: new Uint8Array([1]) });
  await storage.call('updateCamera', { id: ID, recording: { ...DEFAULT_RECORDING, ...settings } });
  for (let hour = 0; hour < hours; hour += 1) {
    const [start, end] = [utcMs(T0 + hour * HOUR), utcMs(T0 + (hour + 1) * HOUR)];
    const where = hour < archivedUpTo ? { folder: null, archive: 1 } : { folder: 0, archive: null };
    const keyframes = [{ at: start, offset: 0, bytes: SEGMENT }];
    const row = { camera: 1, start, end, bytes: SEGMENT, codec: 'avc1', keyframes, origin: 'live', hash: null, ...where } as const;
    await storage.call('insertSegment', row);
  }
}
const left = async () => (await storage.call('totals', {})).segments;

describe('the floor of free space', () => {
  it('is kept again and again on a disk that frees what was deleted a while later', async () => {
    await recorded(30);
    for (let time = 1; time <= 5; time += 1) {
      const before = await left();
      free = FLOOR - 1e6;
      await pass(retention.run());
      expect(before - (await left())).toBe(1);
      free = FLOOR + SEGMENT;
      await pass(retention.run());
      expect(retention.warning(0)).toBeNull();
    }
  });

  it('is given up for an hour where deleting brings nothing at all, and that is said', async () => {
    await recorded(30);
    free = FLOOR - 1e6;
    for (let time = 0; time < 10; time += 1) await pass(retention.run());
    expect(await left()).toBe(27);
    expect(retention.warning(0)).toContain('brings no space');
    await clock.advance(HOUR);
    await pass(retention.run());
    expect(await left()).toBe(26);
  });
});

describe('the bytes of a camera', () => {
  it('are kept without looking through all that only the archive has each time', async () => {
    await recorded(1_500, { archivedUpTo: 1_400, keepBytes: 100 * SEGMENT });
    const run = async (keep: number) => {
      await storage.call('updateCamera', { id: ID, recording: { ...DEFAULT_RECORDING, keepBytes: keep * SEGMENT } });
      const before = looks;
      await clock.advance(61_000);
      await pass(retention.run());
      expect((await storage.call('usage', {})).find(({ folder }) => folder === 0)?.segments).toBe(keep);
      return looks - before;
    };
    expect(await run(99)).toBeGreaterThan(6);
    expect(await run(98)).toBe(1);
    expect(await run(97)).toBe(1);
    await clock.advance(HOUR);
    expect(await run(96)).toBeGreaterThan(6);
  });
});
