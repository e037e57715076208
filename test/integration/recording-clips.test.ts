import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import { streamsOf } from '../fakes/ffmpeg.ts';
import { UnitMaker, VIDEO } from '../fixtures/muxed-units.ts';
import { RecordedClip, T0, videoStream } from './recorded-clip.ts';
import { CLIP, clipUnits } from './recording-clip.ts';

/* What leaves Keyhole of a recording: single pictures and clips. */

let world: RecordedClip;

beforeEach(async () => {
  world = await RecordedClip.open();
});

afterEach(() => world.close());

describe('single pictures', () => {
  /** The picture as 16 x 16 grey values. */
  function grey(args: readonly string[], input?: Uint8Array): Uint8Array {
    const output = ['-frames:v', '1', '-vf', 'scale=16:16:flags=area,format=gray', '-f', 'rawvideo', 'pipe:1'];
    return new Uint8Array(execFileSync('ffmpeg', ['-v', 'error', ...args, ...output], input ? { input } : {}));
  }
  const difference = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;

  it('show the frame of the asked time', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 20_000 }));
    await world.recorder.close();
    for (const ms of [0, 7_350, 19_900]) {
      const jpeg = await world.playback.frameJpeg({ camera: world.camera.id, at: utcMs(T0 + ms) });
      const shown = grey(['-f', 'mjpeg', '-i', 'pipe:0'], jpeg);
      // The clip's own frame of that time, and one a second away.
      const right = grey(['-ss', String(Math.floor(ms / 100) / 10), '-i', CLIP]);
      const wrong = grey(['-ss', String(Math.floor(ms / 100) / 10 + 5), '-i', CLIP]);
      expect(difference(shown, right)).toBeLessThan(difference(shown, wrong) / 2);
    }
    const newest = await world.playback.frameJpeg({ camera: world.camera.id, at: 'now' });
    expect(newest).toEqual(await world.playback.frameJpeg({ camera: world.camera.id, at: utcMs(T0 + 19_900) }));
    await expect(world.playback.frameJpeg({ camera: world.camera.id, at: utcMs(T0 + 60_000) })).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});

describe('clips', () => {
  it('of a camera whose format changed are refused before the first byte, with the time of the change', async () => {
    const other = { ...VIDEO, width: 640 };
    await world.play(new UnitMaker().video({ at: T0, lengthMs: 4_000 }));
    await world.play(
      new UnitMaker({ configs: [{ ...other, description: changed(VIDEO.description) }] }).video({
        at: T0 + 4_000,
        dts: 4_000,
        lengthMs: 4_000,
      }),
    );
    await world.recorder.close();
    const pieces = async (from: number, to: number) => {
      let count = 0;
      for await (const _ of world.playback.clip({ camera: world.camera.id, from: utcMs(T0 + from), to: utcMs(T0 + to) })) count += 1;
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
    await world.play(clipUnits({ start: T0, lengthMs: 70_000, sound: true }));
    world.recorder.sourceStatus({ state: 'offline', reason: { code: 'session-lost', text: 'The camera went away.' } });
    await world.clock.advance(20_000);
    world.recorder.sourceStatus({ state: 'live', reason: null });
    await world.play(clipUnits({ start: T0 + 100_000, lengthMs: 20_000, timeline: 2, sound: true }));
    await world.recorder.close();
    const pieces: Uint8Array[] = [];
    for await (const piece of world.playback.clip({ camera: world.camera.id, from: utcMs(T0 + 21_000), to: utcMs(T0 + 110_000) }))
      pieces.push(piece);
    const file = join(world.dataDir, 'clip.mp4');
    writeFileSync(file, Buffer.concat(pieces));
    // From the keyframe at 20 s to 70 s, and 10 s behind the gap, at 10 frames a second.
    expect(videoStream(file).packets).toBe(500 + 100);
    expect(Math.max(...streamsOf(file).map(({ seconds }) => seconds))).toBeCloseTo(60, 0);
    const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8', stdio: 'pipe' });
    expect(errors).toBe('');
  });

  it('fail before the first byte where there is nothing', async () => {
    const first = async (args: { camera: string; from: number; to: number }) => {
      for await (const piece of world.playback.clip({ camera: args.camera, from: utcMs(args.from), to: utcMs(args.to) })) return piece;
      return null;
    };
    await expect(first({ camera: world.camera.id, from: T0, to: T0 + 1000 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(first({ camera: 'cam-zzzzzzzz', from: T0, to: T0 + 1000 })).rejects.toMatchObject({ code: 'not-found' });
  });
});
