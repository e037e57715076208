import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Storage } from '../storage/client.ts';
import type { NewSegment } from '../storage/interface.ts';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { boxesIn } from '../media/fmp4/boxes.ts';
import { nodeDisk, type SegmentDisk } from '../segment/disk.ts';
import { segmentFile } from '../segment/names.ts';
import { UnitMaker } from '../../test/fixtures/muxed-units.ts';
import { Recorder } from './recorder.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);

let dataDir: string;
let clock: SimulatedClock;
let rows: NewSegment[];
let gaps: { reason: string; start: number; end?: number }[];
/** Set to make the database refuse rows. */
let refusing: boolean;
/** Sizes of the files at the moment their rows came. */
let sizes: number[];
let recorder: Recorder;

/** The far end: stands for the database. */
const call: Storage['call'] = (async (name: string, args: NewSegment & { gap: number; reason: string; end: number }) => {
  if (name === 'insertSegment') {
    if (refusing) throw new Error('database or disk is full');
    sizes.push(statSync(join(dataDir, segmentFile('cam-aaaaaaaa', args.start))).size);
    rows.push(args);
  }
  if (name === 'openGap') return gaps.push({ reason: args.reason, start: args.start }) - 1;
  if (name === 'addGap') gaps.push({ reason: args.reason, start: args.start, end: args.end });
  const gap = gaps[args.gap];
  if (name === 'closeGap' && gap) gap.end = args.end;
  return undefined;
}) as Storage['call'];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-recorder-'));
  clock = new SimulatedClock(T0);
  rows = [];
  gaps = [];
  sizes = [];
  refusing = false;
  recorder = newRecorder();
});

function newRecorder(disk?: SegmentDisk): Recorder {
  const made = new Recorder({
    camera: { id: 'cam-aaaaaaaa', key: 0 },
    ...recordingParts({ call }, dataDir),
    clock,
    log: silentLog,
    remux: () => {
      throw new Error('these units come with their fragments');
    },
    ...(disk ? { disk } : {}),
  });
  made.sourceStatus({ state: 'live', reason: null });
  return made;
}

/** `moof` boxes of a file: one frame each. */
function framesOf(path: string): number {
  return [...boxesIn(readFileSync(path))].filter(({ type }) => type === 'moof').length;
}

afterEach(async () => {
  await recorder.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function play(units: Iterable<ReturnType<UnitMaker['unit']>>): Promise<void> {
  for (const unit of units) {
    if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
    recorder.push(unit);
    await recorder.settled();
  }
}

describe('the recorder', () => {
  it('lists a segment only when its file is complete', async () => {
    await play(new UnitMaker().video({ at: T0, lengthMs: 60_000 }));
    await recorder.close();
    expect(rows.map((row) => row.start - T0)).toEqual([0, 54_000]);
    expect(sizes).toEqual(rows.map((row) => row.bytes));
    for (const row of rows) {
      const last = row.keyframes.at(-1);
      expect((last?.offset ?? 0) + (last?.bytes ?? 0)).toBe(row.bytes);
    }
  });

  it('writes at least every half second, however long the group is', async () => {
    await play(new UnitMaker().video({ at: T0, lengthMs: 20_000, gopMs: 1_000_000 }));
    const open = recorder.openSegment();
    expect(open?.keyframes).toHaveLength(1);
    expect(T0 + 20_000 - (open?.end ?? 0)).toBeLessThanOrEqual(600);
    expect(statSync(join(dataDir, open?.file ?? '')).size).toBe(open?.bytes);
  });

  it('keeps a finished segment playable while the database refuses it, and lists it later', async () => {
    refusing = true;
    await play(new UnitMaker().video({ at: T0, lengthMs: 60_000 }));
    expect(rows).toEqual([]);
    expect(recorder.segments().map(({ start, open }) => [start - T0, open])).toEqual([
      [0, false],
      [54_000, true],
    ]);
    expect(recorder.recording).toBe(true);
    refusing = false;
    await clock.advance(5_000);
    await recorder.settled();
    expect(rows.map((row) => row.start - T0)).toEqual([0]);
    expect(recorder.segments()).toHaveLength(1);
  });

  it('never holds more than its limit for a slow disk: it drops to a keyframe, counts, and says so', async () => {
    const frame = 256 * 1024;
    // All at once: the disk has no turn before the queue is full.
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 8_000, bytes: frame })];
    for (const unit of units) {
      recorder.push(unit);
      expect(recorder.stats.queuedBytes).toBeLessThanOrEqual(32 * 1024 * 1024 + frame);
    }
    expect(recorder.stats.overflows).toBe(1);
    expect(recorder.stats.dropped).toBeGreaterThan(50);
    await clock.advance(8_000);
    await recorder.settled();
    expect(recorder.reason).toMatchObject({ reason: 'disk-slow' });
    await play(new UnitMaker().video({ at: T0 + 8_000, dts: 8_000, lengthMs: 2_000 }));
    await recorder.close();
    expect(recorder.stats.queuedBytes).toBe(0);
    expect(rows.map((row) => row.start - T0)).toEqual([0, 8_000]);
    expect(gaps.find((gap) => gap.reason === 'disk-slow')).toMatchObject({ start: rows[0]?.end, end: T0 + 8_000 });
  });

  it('keeps the whole group of pictures with which it tries a failing disk again', async () => {
    const maker = new UnitMaker();
    let failing = true;
    const disk: SegmentDisk = {
      ...nodeDisk,
      open: (path, as) => (failing ? Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' })) : nodeDisk.open(path, as)),
    };
    await recorder.close();
    recorder = newRecorder(disk);
    await play(maker.video({ at: T0, lengthMs: 2_000 }));
    failing = false;
    await play(maker.video({ at: T0 + 10_000, dts: 10_000, lengthMs: 4_000 }));
    await play(maker.video({ at: T0 + 14_000, dts: 14_000, lengthMs: 2_000 }));
    await recorder.close();
    // Six seconds at 25 a second: none between the keyframe and the batch that succeeded is missing.
    expect(framesOf(join(dataDir, segmentFile('cam-aaaaaaaa', T0 + 10_000)))).toBe(150);
  });

  it('says what is missing of a file that the disk does not keep, though it had taken it', async () => {
    let failing = false;
    const syncs: Promise<void>[] = [];
    const noted = (sync: Promise<void>) => (syncs.push(sync), sync);
    const disk: SegmentDisk = {
      ...nodeDisk,
      syncFolder: (path) => noted(nodeDisk.syncFolder(path)),
      open: async (path, as) => {
        const file = await nodeDisk.open(path, as);
        const datasync = () => (failing ? Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' })) : noted(file.datasync()));
        return { ...file, datasync };
      },
    };
    await recorder.close();
    gaps = [];
    recorder = newRecorder(disk);
    const maker = new UnitMaker();
    await play(maker.video({ at: T0, lengthMs: 30_000 }));
    failing = true;
    let second = 30;
    for (; recorder.recording && second < 50; second++) {
      await play(maker.video({ at: T0 + second * 1_000, dts: second * 1_000, lengthMs: 1_000 }));
      // A sync that had begun before is still the disk's.
      while (syncs.length > 0) await syncs.shift();
    }
    failing = false;
    await play(maker.video({ at: T0 + second * 1_000, dts: second * 1_000, lengthMs: 10_000 }));
    await recorder.close();
    const [row] = rows;
    expect(row?.start).toBeGreaterThan(T0 + 30_000);
    expect(rows).toHaveLength(1);
    // Every second before it has its reason.
    let explained = T0;
    for (const gap of gaps.filter(({ reason }) => reason === 'disk-failed').sort((a, b) => a.start - b.start))
      if (gap.start <= explained) explained = Math.max(explained, gap.end ?? 0);
    expect(explained).toBe(row?.start);
  });

  it('does not write over a file that is there when the clock was set back', async () => {
    await play(new UnitMaker().video({ at: T0, lengthMs: 2_000 }));
    await play(new UnitMaker({ timeline: 2 }).video({ at: T0, lengthMs: 2_000 }));
    await recorder.close();
    expect(rows.map((row) => row.start - T0)).toEqual([0, 1]);
    const files = (readdirSync(dataDir, { recursive: true }) as string[]).filter((name) => name.endsWith('.mp4'));
    expect(files).toHaveLength(2);
  });

  it('takes another length and another folder at the next segment', async () => {
    await recorder.close();
    const parts = recordingParts({ call }, dataDir);
    const other = join(dataDir, 'other');
    mkdirSync(other);
    let settings = { segmentS: 60, folder: 0 };
    recorder = new Recorder({
      camera: { id: 'cam-aaaaaaaa', key: 0 },
      ...parts,
      folders: {
        choose: (key) => Promise.resolve({ key: key ?? 0, root: key === 1 ? other : dataDir }),
        failed: () => false,
      },
      register: { list: (segment) => Promise.resolve(void rows.push(segment)) },
      settings: () => settings,
      clock,
      log: silentLog,
      remux: () => {
        throw new Error('these units come with their fragments');
      },
    });
    recorder.sourceStatus({ state: 'live', reason: null });
    await play(new UnitMaker().video({ at: T0, lengthMs: 20_000 }));
    settings = { segmentS: 10, folder: 1 };
    await play(new UnitMaker().video({ at: T0 + 20_000, dts: 20_000, lengthMs: 50_000 }));
    await recorder.close();
    expect(rows.map(({ start, end, folder }) => [start - T0, end - T0, folder])).toEqual([
      [0, 54_000, 0],
      [54_000, 64_000, 1],
      [64_000, 70_000, 1],
    ]);
    for (const { start, folder, bytes } of rows)
      expect(statSync(join(folder === 1 ? other : dataDir, segmentFile('cam-aaaaaaaa', start))).size).toBe(bytes);
  });

  it('leaves no file behind for a recording without a picture', async () => {
    const maker = new UnitMaker();
    recorder.push(maker.unit({ at: T0, dts: 0 }));
    await recorder.close();
    expect(readdirSync(dataDir)).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'connecting' }]);
  });
});
