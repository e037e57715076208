import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { Span } from '../../electron/contract/model.ts';
import { RemuxProcess } from '../../electron/ffmpeg/remux.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { CameraRow } from '../../electron/storage/interface.ts';
import { streamsOf } from '../fakes/ffmpeg.ts';
import { UnitMaker, VIDEO } from '../fixtures/muxed-units.ts';
import { CLIP, clipFrames, clipUnits, type ClipUnit } from './recording-clip.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

/*
 * The real clip through the real recorder, database and files, read back through playback. Only the clock is simulated. One file,
 * since every test needs the same folder, recorder and playback, and asks them something else.
 */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7, 300);

let dataDir: string;
let storage: Storage;
let clock: SimulatedClock;
let camera: CameraRow;
let runs: RunPeriods;
let recorder: Recorder;
let playback: Playback;
let added: Span[];

const noRemux = () => {
  throw new Error('these units come with their fragments');
};

function newRecorder(): Recorder {
  added = [];
  return new Recorder({
    camera,
    ...recordingParts(storage, dataDir),
    clock,
    log: silentLog,
    remux: noRemux,
    onAdded: (span) => added.push(span),
  });
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-recording-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0);
  camera = await storage.call('addCamera', {
    id: 'cam-aaaaaaaa',
    name: 'Yard',
    createdAt: utcMs(T0),
    sourceKind: 'rtsp',
    source: new Uint8Array(),
  });
  runs = new RunPeriods({ storage, clock, log: silentLog });
  await runs.start();
  recorder = newRecorder();
  recorder.sourceStatus({ state: 'live', reason: null });
  playback = new Playback({ ...recordingParts(storage, dataDir), clock, unlisted: (id) => (id === camera.id ? recorder.segments() : []) });
});

afterEach(async () => {
  await recorder.close();
  await runs.close();
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Pushes the units at their simulated times. */
async function play(units: Iterable<ClipUnit>): Promise<ClipUnit[]> {
  const played: ClipUnit[] = [];
  for (const unit of units) {
    if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
    recorder.push(unit);
    // Simulated time must not run ahead of the real disk.
    await recorder.settled();
    played.push(unit);
  }
  return played;
}

const videoOf = (units: readonly ClipUnit[]) => units.filter((unit) => unit.config.kind === 'video');

/** Every frame that playback gives for [from, to), group by group. */
async function readBack(from: number, to: number): Promise<{ at: number; data: Uint8Array; key: boolean }[]> {
  const frames: { at: number; data: Uint8Array; key: boolean }[] = [];
  for (let at = from; at < to;) {
    const { value, bytes } = await playback.gop({ camera: camera.id, at: utcMs(at) });
    if (value.kind === 'gap') throw new Error(`a gap at ${at - from}: ${value.reason} ${value.text}`);
    let offset = 0;
    for (const frame of value.frames) {
      frames.push({ at: frame.at, key: frame.key, data: bytes.subarray(offset, offset + frame.bytes) });
      offset += frame.bytes;
    }
    expect(offset).toBe(bytes.length);
    expect(value.to).toBeGreaterThan(at);
    at = value.to;
  }
  return frames;
}

function segmentFiles(): string[] {
  return (readdirSync(dataDir, { recursive: true }) as string[]).filter((name) => name.endsWith('.mp4')).sort();
}

function videoStream(file: string) {
  const video = streamsOf(file).find(({ codec }) => codec === 'h264');
  if (!video) throw new Error(`${file} has no video`);
  return video;
}

describe('recording', () => {
  it('gives every frame back byte for byte, at its time, over several segments', async () => {
    const played = await play(clipUnits({ start: T0, lengthMs: 200_000 }));
    await recorder.close();
    const frames = await readBack(T0, T0 + 200_000);
    expect(frames.length).toBe(played.length);
    for (const [i, unit] of played.entries()) {
      const frame = frames[i];
      if (!frame) throw new Error('missing');
      expect(Math.abs(frame.at - unit.utc), `time of frame ${i}`).toBeLessThanOrEqual(1);
      expect(frame.key).toBe(unit.key);
      expect(Buffer.compare(frame.data, unit.data), `bytes of frame ${i}`).toBe(0);
    }
    const segments = await playback.segments({ camera: camera.id, from: utcMs(T0), to: utcMs(T0 + 200_000) });
    // Cut at the first keyframe behind each minute and camera 1's own 37 s; each ends where the next begins.
    expect(segments.map((segment) => segment.start - T0)).toEqual([0, 30_000, 91_500, 151_500].map((ms) => expect.closeTo(ms, -4)));
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1];
      if (next) expect(segment.end).toBe(next.start);
      expect(statSync(join(dataDir, segment.file)).size).toBe(segment.bytes);
      expect(segment.codec).toBe('avc1.64001f');
    }
    expect(await playback.recordings({ camera: camera.id, from: utcMs(T0), to: utcMs(T0 + 200_000) })).toEqual({
      spans: [{ from: T0, to: T0 + 200_000 }],
      gaps: [],
      healed: [],
      coverage: 1,
    });
  });

  it('makes files that ffmpeg plays, each from time 0', async () => {
    const played = await play(clipUnits({ start: T0, lengthMs: 100_000, sound: true }));
    await recorder.close();
    const files = segmentFiles();
    expect(files.length).toBeGreaterThan(1);
    let frames = 0;
    for (const file of files) {
      const probed = videoStream(join(dataDir, file));
      expect(probed.start).toBeCloseTo(0, 2);
      frames += probed.packets;
      const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', join(dataDir, file), '-f', 'null', '-'], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      expect(errors).toBe('');
    }
    expect(frames).toBe(videoOf(played).length);
  });

  it('is playable while it is being recorded, up to what was flushed', async () => {
    await play(clipUnits({ start: T0, lengthMs: 10_000 }));
    await clock.advance(600);
    await expect
      .poll(async () => {
        await clock.advance(100);
        return recorder.openSegment()?.end;
      })
      .toBe(T0 + 10_000);
    const frames = await readBack(T0, T0 + 10_000);
    expect(frames).toHaveLength(100);
    expect(await storage.call('totals', {})).toEqual({ segments: 0, bytes: 0 });
    // What was told, put together, is what is there.
    expect(added[0]?.from).toBe(T0);
    for (const [i, span] of added.entries()) expect(span.from).toBe(added[i - 1]?.to ?? T0);
    expect(added.length).toBeGreaterThan(5);
  });

  it('reads exactly one group of pictures for a seek', async () => {
    await play(clipUnits({ start: T0, lengthMs: 60_000 }));
    await recorder.close();
    await playback.gop({ camera: camera.id, at: utcMs(T0 + 10_000) });
    const before = { ...playback.stats };
    const { value, bytes } = await playback.gop({ camera: camera.id, at: utcMs(T0 + 21_050) });
    expect(value).toMatchObject({
      kind: 'gop',
      from: T0 + 20_000,
      to: T0 + 22_000,
      config: { codecString: 'avc1.64001f', width: 768, height: 576 },
    });
    expect(playback.stats.reads - before.reads).toBe(1);
    expect(playback.stats.bytes - before.bytes).toBeLessThan(bytes.length + 20 * 200);
  });

  it('gives a gap for a file that is gone or too short', async () => {
    await play(clipUnits({ start: T0, lengthMs: 20_000 }));
    await recorder.close();
    const [file] = segmentFiles();
    if (!file) throw new Error('no file');
    truncateSync(join(dataDir, file), 300_000);
    const at = utcMs(T0 + 15_000);
    const short = await playback.gop({ camera: camera.id, at });
    expect(short.value).toMatchObject({ kind: 'gap', reason: 'unknown', text: expect.stringContaining('shorter') as unknown });
    expect((await playback.gop({ camera: camera.id, at: utcMs(T0) })).value.kind).toBe('gop');
    rmSync(join(dataDir, file));
    const gone = await playback.gop({ camera: camera.id, at });
    expect(gone.value).toMatchObject({ kind: 'gap', reason: 'unknown', text: expect.stringContaining('missing') as unknown });
  });

  it('rebuilds the same index from the files alone', async () => {
    await play(clipUnits({ start: T0, lengthMs: 150_000, sound: true }));
    await recorder.close();
    const range = { camera: camera.key, from: utcMs(T0), to: utcMs(T0 + 200_000) };
    const before = await storage.call('segmentsWithKeyframes', range);
    await storage.call('removeSegments', range);
    const report = await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog, all: true });
    expect(report).toMatchObject({ added: before.length, cut: 0, lost: 0, empty: 0 });
    const after = await storage.call('segmentsWithKeyframes', range);
    // Headers are read, and no more: a hash would take all of every file.
    expect(after.map(({ end: _, hash: _hash, ...row }) => row)).toEqual(before.map(({ end: _, hash: _hash, ...row }) => row));
    for (const [i, row] of after.entries()) expect(Math.abs(row.end - (before[i]?.end ?? 0))).toBeLessThanOrEqual(1);
  });

  it('keeps what it did not write: foreign and temporary files, and files without a picture', async () => {
    await play(clipUnits({ start: T0, lengthMs: 5_000 }));
    await recorder.close();
    const [file] = segmentFiles();
    if (!file) throw new Error('no file');
    const folder = join(dataDir, file, '..');
    writeFileSync(join(folder, 'holiday.mp4'), 'mine');
    writeFileSync(join(folder, '1795428000000.mp4.part'), 'mine');
    writeFileSync(join(folder, `${T0 + 60_000}.mp4`), clipFrames()[0]?.fragment.init ?? '');
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({ added: 0, empty: 1 });
    expect(readdirSync(folder).sort()).toEqual(['1795428000000.mp4.part', `${T0}.mp4`, `${T0 + 60_000}.mp4.empty`, 'holiday.mp4'].sort());
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({
      added: 0,
      empty: 0,
      cut: 0,
      lost: 0,
    });
  });

  it('says so when a file is gone, but not when a whole disk is', async () => {
    await play(clipUnits({ start: T0, lengthMs: 100_000 }));
    await recorder.close();
    await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog });
    const [first] = segmentFiles();
    if (!first) throw new Error('no file');
    rmSync(join(dataDir, first));
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({ lost: 1, unknownFolders: [] });
    const { gaps } = await playback.recordings({ camera: camera.id, from: utcMs(T0), to: utcMs(T0 + 100_000) });
    expect(gaps).toMatchObject([{ from: T0, reason: 'file-lost', text: expect.stringContaining('file is missing') as unknown }]);
    rmSync(join(dataDir, 'recordings'), { recursive: true });
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({
      lost: 0,
      unknownFolders: [dataDir],
    });
  });
});

describe('the reasons of gaps', () => {
  const query = (from: number, to: number) => playback.recordings({ camera: camera.id, from: utcMs(from), to: utcMs(to) });

  it('tile the range with what was recorded: before, lost, not running, still to come', async () => {
    await play(clipUnits({ start: T0, lengthMs: 20_000 }));
    recorder.sourceStatus({ state: 'offline', reason: { code: 'session-lost', text: 'The camera went away.' } });
    await untilStopped();
    await clock.advance(10_000);
    recorder.sourceStatus({ state: 'connecting', reason: { code: 'peer-absent', text: 'The camera is not there.' } });
    await clock.advance(5_000);
    recorder.sourceStatus({ state: 'live', reason: null });
    const resumed = clock.now();
    await play(clipUnits({ start: resumed, lengthMs: 10_000, timeline: 2 }));
    await recorder.close();
    await runs.close();
    const stopped = clock.now();
    await clock.advance(60_000);
    await runs.start();
    recorder = newRecorder();
    await play(clipUnits({ start: clock.now(), lengthMs: 10_000, timeline: 3 }));
    await clock.advance(100);
    await recorder.close();

    const now = clock.now();
    const { spans, gaps, coverage } = await query(T0 - 5_000, now + 5_000);
    const lost = { reason: 'session-lost', text: 'The camera went away.' };
    expect(spans).toEqual([
      { from: T0, to: T0 + 20_000 },
      { from: resumed, to: resumed + 10_000 },
      { from: stopped + 60_000, to: stopped + 70_000 },
    ]);
    expect(gaps).toEqual([
      { from: T0 - 5_000, to: T0, reason: 'not-added-yet', text: expect.any(String) as string },
      { from: T0 + 20_000, to: resumed, ...lost },
      { from: resumed + 10_000, to: stopped + 60_000, reason: 'app-not-running', text: expect.any(String) as string },
      { from: now, to: now + 5_000, reason: 'future', text: expect.any(String) as string },
    ]);
    expect(coverage).toBeCloseTo(40_000 / (now - T0 + 5_000), 6);
    expect(await query(T0 + 20_500, T0 + 21_000)).toEqual({
      spans: [],
      gaps: [{ from: T0 + 20_500, to: T0 + 21_000, ...lost }],
      healed: [],
      coverage: 0,
    });
    expect((await playback.gop({ camera: camera.id, at: utcMs(T0 + 25_000) })).value).toEqual({
      kind: 'gap',
      from: T0 + 20_000,
      to: resumed,
      ...lost,
      previous: T0 + 20_000 - 1,
      next: resumed,
    });
    const [timeline] = await playback.timeline({ cameras: [camera.id], from: utcMs(T0), to: utcMs(T0 + 40_000), buckets: 4 });
    expect(timeline?.coverage.slice(0, 3)).toEqual([1, 1, 0]);
  });

  it('are found for a camera that is connected and silent, and for one that sends no keyframe', async () => {
    await play(clipUnits({ start: T0, lengthMs: 4_000 }));
    await untilStopped();
    expect(recorder.reason).toMatchObject({ reason: 'source-stalled', text: expect.stringContaining('no picture') as unknown });
    await play([...clipUnits({ start: clock.now(), lengthMs: 14_000, timeline: 2 })].filter((unit) => !unit.key));
    expect(recorder.reason?.reason).toBe('no-keyframe');
    expect(recorder.stats.waitedForKeyframe).toBeGreaterThan(100);
    await play(clipUnits({ start: clock.now(), lengthMs: 3_000, timeline: 3 }));
    await recorder.close();
    expect((await query(T0, clock.now())).gaps).toMatchObject([
      { from: T0 + 4_000, reason: 'source-stalled' },
      { reason: 'no-keyframe', text: expect.stringContaining('none that a recording could begin with') as unknown },
    ]);
  });

  it('name a clock that was set forward; set back, the footage stays and the later one is shown', async () => {
    await play(clipUnits({ start: T0, lengthMs: 10_000 }));
    clock.jump(30_000);
    const jumped = [...clipUnits({ start: T0 + 30_000, lengthMs: 20_000 })].slice(100);
    await play(jumped);
    const { gaps } = await query(T0, T0 + 45_000);
    expect(gaps).toMatchObject([{ from: T0 + 10_000, to: T0 + 40_000, text: expect.stringContaining('forward by 30.0 s') as unknown }]);
    clock.jump(-20_000);
    await play([...clipUnits({ start: T0 + 10_000, lengthMs: 30_000 })].slice(200));
    await recorder.close();
    const starts = (await playback.segments({ camera: camera.id, from: utcMs(T0), to: utcMs(T0 + 60_000) })).map(
      (segment) => segment.start - T0,
    );
    expect(starts).toEqual([0, 30_000, 40_000]);
    expect(await query(T0, T0 + 50_000)).toMatchObject({ spans: [{ to: T0 + 10_000 }, { from: T0 + 30_000 }] });
  });

  /** The recorder notices silence by its own watch, once a second. */
  async function untilStopped(): Promise<void> {
    await expect
      .poll(
        async () => {
          await clock.advance(1_000);
          await recorder.settled();
          return recorder.recording;
        },
        { timeout: 10_000 },
      )
      .toBe(false);
  }
});

describe('a peer-to-peer camera', () => {
  it('is recorded through one ffmpeg, every frame, from the first keyframe on', async () => {
    await recorder.close();
    recorder = new Recorder({
      camera,
      ...recordingParts(storage, dataDir),
      clock,
      log: silentLog,
      remux: ({ configs, onFragment, onFailed }) => {
        const process = new RemuxProcess({ clock, log: silentLog, onFragment, onFailure: onFailed });
        process.start(configs);
        return process;
      },
    });
    recorder.sourceStatus({ state: 'live', reason: null });
    const units = [...clipUnits({ start: T0, lengthMs: 70_000 })].map(({ fragment: _, ...unit }) => unit);
    for (const unit of units) {
      recorder.push(unit);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await recorder.close();
    expect(recorder.stats.dropped).toBe(0);
    const frames = await readBack(T0, T0 + 70_000);
    expect(frames.map((frame) => frame.data.length)).toEqual(units.map((unit) => unit.data.length));
    for (const [i, unit] of units.entries()) {
      expect(Buffer.compare(frames[i]?.data ?? new Uint8Array(), unit.data), `frame ${i}`).toBe(0);
      expect(Math.abs((frames[i]?.at ?? 0) - unit.utc)).toBeLessThanOrEqual(1);
    }
    expect(segmentFiles()).toHaveLength(2);
  });
});

describe('single pictures', () => {
  /** The picture as 16 x 16 grey values. */
  function grey(args: readonly string[], input?: Uint8Array): Uint8Array {
    const output = ['-frames:v', '1', '-vf', 'scale=16:16:flags=area,format=gray', '-f', 'rawvideo', 'pipe:1'];
    return new Uint8Array(execFileSync('ffmpeg', ['-v', 'error', ...args, ...output], input ? { input } : {}));
  }
  const difference = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;

  it('show the frame of the asked time', async () => {
    await play(clipUnits({ start: T0, lengthMs: 20_000 }));
    await recorder.close();
    for (const ms of [0, 7_350, 19_900]) {
      const jpeg = await playback.frameJpeg({ camera: camera.id, at: utcMs(T0 + ms) });
      const shown = grey(['-f', 'mjpeg', '-i', 'pipe:0'], jpeg);
      // The clip's own frame of that time, and one a second away.
      const right = grey(['-ss', String(Math.floor(ms / 100) / 10), '-i', CLIP]);
      const wrong = grey(['-ss', String(Math.floor(ms / 100) / 10 + 5), '-i', CLIP]);
      expect(difference(shown, right)).toBeLessThan(difference(shown, wrong) / 2);
    }
    const newest = await playback.frameJpeg({ camera: camera.id, at: 'now' });
    expect(newest).toEqual(await playback.frameJpeg({ camera: camera.id, at: utcMs(T0 + 19_900) }));
    await expect(playback.frameJpeg({ camera: camera.id, at: utcMs(T0 + 60_000) })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('removing a camera', () => {
  it('with its recordings deletes rows, then files, and finishes after a crash in between', async () => {
    await play(clipUnits({ start: T0, lengthMs: 5_000 }));
    await recorder.close();
    expect(segmentFiles()).toHaveLength(1);
    await storage.call('removeCamera', { id: camera.id, at: clock.now(), forgetRecordings: true });
    // Killed here, the files are still there and nobody lists them; the next start's repair deletes them.
    await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog });
    expect(segmentFiles()).toEqual([]);
    expect(await storage.call('garbage', {})).toEqual([]);
    await expect(playback.gop({ camera: camera.id, at: utcMs(T0) })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('clips', () => {
  it('of a camera whose format changed are refused before the first byte, with the time of the change', async () => {
    const other = { ...VIDEO, width: 640 };
    await play(new UnitMaker().video({ at: T0, lengthMs: 4_000 }));
    await play(
      new UnitMaker({ configs: [{ ...other, description: changed(VIDEO.description) }] }).video({
        at: T0 + 4_000,
        dts: 4_000,
        lengthMs: 4_000,
      }),
    );
    await recorder.close();
    const pieces = async (from: number, to: number) => {
      let count = 0;
      for await (const _ of playback.clip({ camera: camera.id, from: utcMs(T0 + from), to: utcMs(T0 + to) })) count += 1;
      return count;
    };
    await expect(pieces(0, 8_000)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(new Date(T0 + 4_000).toISOString()) as unknown,
    });
    expect(await pieces(0, 4_000)).toBeGreaterThan(1);
    expect(await pieces(4_000, 8_000)).toBeGreaterThan(1);
  });

  /** Another level, so that the header differs. */
  function changed(description: Uint8Array): Uint8Array {
    const copy = description.slice();
    copy[3] = 40;
    return copy;
  }

  it('join segments and gaps into one MP4 that ffmpeg plays', async () => {
    await play(clipUnits({ start: T0, lengthMs: 70_000, sound: true }));
    recorder.sourceStatus({ state: 'offline', reason: { code: 'session-lost', text: 'The camera went away.' } });
    await clock.advance(20_000);
    recorder.sourceStatus({ state: 'live', reason: null });
    await play(clipUnits({ start: T0 + 100_000, lengthMs: 20_000, timeline: 2, sound: true }));
    await recorder.close();
    const pieces: Uint8Array[] = [];
    for await (const piece of playback.clip({ camera: camera.id, from: utcMs(T0 + 21_000), to: utcMs(T0 + 110_000) })) pieces.push(piece);
    const file = join(dataDir, 'clip.mp4');
    writeFileSync(file, Buffer.concat(pieces));
    // From the keyframe at 20 s to 70 s, and 10 s behind the gap, at 10 frames a second.
    expect(videoStream(file).packets).toBe(500 + 100);
    expect(Math.max(...streamsOf(file).map(({ seconds }) => seconds))).toBeCloseTo(60, 0);
    const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8', stdio: 'pipe' });
    expect(errors).toBe('');
  });

  it('fail before the first byte where there is nothing', async () => {
    const first = async (args: { camera: string; from: number; to: number }) => {
      for await (const piece of playback.clip({ camera: args.camera, from: utcMs(args.from), to: utcMs(args.to) })) return piece;
      return null;
    };
    await expect(first({ camera: camera.id, from: T0, to: T0 + 1000 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(first({ camera: 'cam-zzzzzzzz', from: T0, to: T0 + 1000 })).rejects.toMatchObject({ code: 'not-found' });
  });
});
