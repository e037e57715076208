import { execFileSync } from 'node:child_process';
import { rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { RemuxProcess } from '../../electron/ffmpeg/remux.ts';
import { RecordedClip, T0, videoStream } from './recorded-clip.ts';
import { clipUnits, type ClipUnit } from './recording-clip.ts';

/* What goes in comes out: the clip through recorder and ffmpeg to files, and back through playback. */

let world: RecordedClip;

beforeEach(async () => {
  world = await RecordedClip.open();
});

afterEach(() => world.close());

const videoOf = (units: readonly ClipUnit[]) => units.filter((unit) => unit.config.kind === 'video');

describe('recording', () => {
  it('gives every frame back byte for byte, at its time, over several segments', async () => {
    const played = await world.play(clipUnits({ start: T0, lengthMs: 200_000 }));
    await world.recorder.close();
    const frames = await world.readBack(T0, T0 + 200_000);
    expect(frames.length).toBe(played.length);
    for (const [i, unit] of played.entries()) {
      const frame = frames[i];
      if (!frame) throw new Error('missing');
      expect(Math.abs(frame.at - unit.utc), `time of frame ${i}`).toBeLessThanOrEqual(1);
      expect(frame.key).toBe(unit.key);
      expect(Buffer.compare(frame.data, unit.data), `bytes of frame ${i}`).toBe(0);
    }
    const segments = await world.playback.segments({ camera: world.camera.id, from: utcMs(T0), to: utcMs(T0 + 200_000) });
    // Cut at the first keyframe behind each minute and camera 1's own 37 s; each ends where the next begins.
    expect(segments.map((segment) => segment.start - T0)).toEqual([0, 30_000, 91_500, 151_500].map((ms) => expect.closeTo(ms, -4)));
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1];
      if (next) expect(segment.end).toBe(next.start);
      expect(statSync(join(world.dataDir, segment.file)).size).toBe(segment.bytes);
      expect(segment.codec).toBe('avc1.64001f');
    }
    expect(await world.playback.recordings({ camera: world.camera.id, from: utcMs(T0), to: utcMs(T0 + 200_000) })).toEqual({
      spans: [{ from: T0, to: T0 + 200_000 }],
      gaps: [],
      healed: [],
      coverage: 1,
    });
  });

  it('makes files that ffmpeg plays, each from time 0', async () => {
    const played = await world.play(clipUnits({ start: T0, lengthMs: 100_000, sound: true }));
    await world.recorder.close();
    const files = world.segmentFiles();
    expect(files.length).toBeGreaterThan(1);
    let frames = 0;
    for (const file of files) {
      const probed = videoStream(join(world.dataDir, file));
      expect(probed.start).toBeCloseTo(0, 2);
      frames += probed.packets;
      const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', join(world.dataDir, file), '-f', 'null', '-'], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      expect(errors).toBe('');
    }
    expect(frames).toBe(videoOf(played).length);
  });

  it('is playable while it is being recorded, up to what was flushed', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 10_000 }));
    await world.clock.advance(600);
    await expect
      .poll(async () => {
        await world.clock.advance(100);
        return world.recorder.openSegment()?.end;
      })
      .toBe(T0 + 10_000);
    const frames = await world.readBack(T0, T0 + 10_000);
    expect(frames).toHaveLength(100);
    expect(await world.storage.call('totals', {})).toEqual({ segments: 0, bytes: 0 });
    // What was told, put together, is what is there.
    expect(world.added[0]?.from).toBe(T0);
    for (const [i, span] of world.added.entries()) expect(span.from).toBe(world.added[i - 1]?.to ?? T0);
    expect(world.added.length).toBeGreaterThan(5);
  });

  it('reads exactly one group of pictures for a seek', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 60_000 }));
    await world.recorder.close();
    await world.playback.gop({ camera: world.camera.id, at: utcMs(T0 + 10_000) });
    const before = { ...world.playback.stats };
    const { value, bytes } = await world.playback.gop({ camera: world.camera.id, at: utcMs(T0 + 21_050) });
    expect(value).toMatchObject({
      kind: 'gop',
      from: T0 + 20_000,
      to: T0 + 22_000,
      config: { codecString: 'avc1.64001f', width: 768, height: 576 },
    });
    expect(world.playback.stats.reads - before.reads).toBe(1);
    expect(world.playback.stats.bytes - before.bytes).toBeLessThan(bytes.length + 20 * 200);
  });

  it('gives a gap for a file that is gone or too short', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 20_000 }));
    await world.recorder.close();
    const [file] = world.segmentFiles();
    if (!file) throw new Error('no file');
    truncateSync(join(world.dataDir, file), 300_000);
    const at = utcMs(T0 + 15_000);
    const short = await world.playback.gop({ camera: world.camera.id, at });
    expect(short.value).toMatchObject({ kind: 'gap', reason: 'unknown', text: expect.stringContaining('shorter') as unknown });
    expect((await world.playback.gop({ camera: world.camera.id, at: utcMs(T0) })).value.kind).toBe('gop');
    rmSync(join(world.dataDir, file));
    const gone = await world.playback.gop({ camera: world.camera.id, at });
    expect(gone.value).toMatchObject({ kind: 'gap', reason: 'unknown', text: expect.stringContaining('missing') as unknown });
  });
});

describe('a peer-to-peer camera', () => {
  it('is recorded through one ffmpeg, every frame, from the first keyframe on', async () => {
    await world.recorder.close();
    world.recorder = world.newRecorder(({ configs, onFragment, onFailed }) => {
      const process = new RemuxProcess({ clock: world.clock, log: silentLog, onFragment, onFailure: onFailed });
      process.start(configs);
      return process;
    });
    world.recorder.sourceStatus({ state: 'live', reason: null });
    const units = [...clipUnits({ start: T0, lengthMs: 70_000 })].map(({ fragment: _, ...unit }) => unit);
    for (const unit of units) {
      world.recorder.push(unit);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.recorder.close();
    expect(world.recorder.stats.dropped).toBe(0);
    const frames = await world.readBack(T0, T0 + 70_000);
    expect(frames.map((frame) => frame.data.length)).toEqual(units.map((unit) => unit.data.length));
    for (const [i, unit] of units.entries()) {
      expect(Buffer.compare(frames[i]?.data ?? new Uint8Array(), unit.data), `frame ${i}`).toBe(0);
      expect(Math.abs((frames[i]?.at ?? 0) - unit.utc)).toBeLessThanOrEqual(1);
    }
    expect(world.segmentFiles()).toHaveLength(2);
  });
});
