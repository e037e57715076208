import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { DetectorState } from '../../electron/detection/detector-health.ts';
import { MotionWatch, type MotionNews } from '../../electron/detection/motion-watch.ts';
import { bundledPath, ffmpegBinary, findFfmpeg, type FfmpegBinary } from '../../electron/ffmpeg/binary.ts';
import { FragmentReader } from '../../electron/ffmpeg/fragment-reader.ts';
import { fragmentedOutput } from '../../electron/ffmpeg/fragments.ts';
import { GrayDecoder } from '../../electron/ffmpeg/gray-decoder.ts';
import type { GrayPicture } from '../../electron/ffmpeg/gray-reader.ts';
import type { AccessUnit, VideoConfig } from '../../electron/media/access-unit.ts';
import { processesNaming } from '../fakes/processes.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { HEIGHT, WIDTH, yard, type Happening } from '../fixtures/motion-scenes.ts';
import { clipFrames } from './recording-clip.ts';

const T0 = Date.UTC(2026, 10, 23, 10);

/** What ffmpeg encodes of raw gray pictures, or of another input, as units from media time 0 on. */
async function encode(input: readonly string[], output: readonly string[], raw?: Iterable<Uint8Array>): Promise<AccessUnit[]> {
  const units: AccessUnit[] = [];
  const tracks = { video: true, audio: 'none' } as const;
  const reader = new FragmentReader({ tracks, timeline: 1, clock: systemClock, onUnit: (unit) => units.push(unit) });
  const child = spawn('ffmpeg', ['-v', 'error', ...input, ...output, ...fragmentedOutput(tracks)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (chunk: Buffer) => reader.push(chunk));
  for (const picture of raw ?? []) if (!child.stdin.write(picture)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  child.stdin.end();
  await new Promise((resolve) => child.once('close', resolve));
  return units.map((unit) => ({ ...unit, utc: utcMs(T0 + unit.pts / 90), receivedAt: utcMs(T0 + unit.pts / 90) }));
}

/** A film of the yard at 10 frames a second, as a camera with this picture sends it. */
function film(seconds: number, happening: (ms: number) => Happening, size: string, groupFrames: number): Promise<AccessUnit[]> {
  const scene = yard();
  const random = seededRandom(5);
  const pictures = Array.from({ length: seconds * 10 }, (_, index) => scene(random, happening(index * 100)));
  const input = ['-f', 'rawvideo', '-pix_fmt', 'gray', '-s', `${WIDTH}x${HEIGHT}`, '-r', '10', '-i', 'pipe:0'];
  const filter = ['-vf', `scale=${size}:flags=bilinear,format=yuv420p`];
  return encode(input, [...filter, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(groupFrames), '-bf', '0'], pictures);
}

const configOf = (units: readonly AccessUnit[]) => units[0]?.config as VideoConfig;
const clip = () =>
  clipFrames().map((frame): AccessUnit => {
    const at = utcMs(T0 + frame.pts / 90);
    return { ...frame, timeline: 1, pts: pts90k(frame.pts), dts: pts90k(frame.dts), utc: at, receivedAt: at };
  });

type Wait = 'keyframes' | 'often' | 'never';

async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; !(await done()); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > end) throw new Error(`in 30 s: not ${what}`);
}

describe('gray pictures of encoded video', () => {
  const binaries: FfmpegBinary[] = [];
  beforeAll(async () => {
    binaries.push(await ffmpegBinary());
    const bundled = bundledPath();
    if (bundled && bundled !== binaries[0]?.path)
      binaries.push(await findFfmpeg({ env: { KEYHOLE_FFMPEG: bundled }, bundled: () => null }));
  });

  it('come out with the time of the frame that went in, at once, by every ffmpeg', async () => {
    const units = clip().slice(0, 60);
    for (const binary of binaries)
      for (const everyMs of [0, 400]) {
        const pictures: GrayPicture[] = [];
        const failures: Error[] = [];
        const decoder = new GrayDecoder({
          config: configOf(units),
          width: 160,
          height: 90,
          everyMs,
          clock: systemClock,
          log: silentLog,
          binary,
          onPicture: (picture) => pictures.push(picture),
          onFailure: (error) => failures.push(error),
        });
        const wanted = everyMs ? units : units.filter(({ key }) => key);
        for (const [index, unit] of wanted.entries()) {
          expect(decoder.write(unit)).toBe(true);
          // The newest one comes without any other behind it.
          if (!everyMs) await until(() => pictures.length > index, `picture ${index} of ${binary.version}`);
        }
        if (everyMs) await until(() => pictures.length >= 13, 'a picture of each 0.4 s');
        const times = pictures.map(({ pts }) => Math.round(pts / 90));
        const first = Math.round((wanted[0]?.pts ?? 0) / 90);
        expect(times).toEqual(times.map((_, index) => first + index * (everyMs || 2_000)));
        expect(new Set(pictures.map(({ pixels }) => pixels.length))).toEqual(new Set([14_400]));
        await decoder.close();
        expect(failures).toEqual([]);
      }
  });

  it('are not made of more than may wait: frames are left out up to a keyframe that fits, and counted', async () => {
    const units = clip();
    const decoder = new GrayDecoder({
      config: configOf(units),
      width: 160,
      height: 90,
      everyMs: 0,
      clock: systemClock,
      log: silentLog,
      onPicture: () => {},
      onFailure: () => {},
    });
    // All at once: the decoder has no turn in between.
    let bytes = 0;
    let broken = false;
    for (const unit of [...units, ...units, ...units]) {
      const taken = decoder.write(unit);
      if (taken) bytes += unit.data.length;
      if (taken && !unit.key) expect(broken).toBe(false);
      broken = !taken;
    }
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(decoder.counters.dropped).toBeGreaterThan(0);
    expect(decoder.counters.dropped + decoder.counters.written).toBe(3 * units.length);
    await decoder.close();
  });
});

describe('the motion watch', () => {
  let clock: SimulatedClock;
  let watch: MotionWatch;
  let news: MotionNews[];
  let states: DetectorState['state'][];

  function open(): void {
    clock = new SimulatedClock(T0);
    news = [];
    states = [];
    watch = new MotionWatch({
      clock,
      log: silentLog,
      sensitivity: () => 50,
      onMotion: (one) => news.push(one),
      onState: ({ state }) => states.push(state),
    });
  }
  /** What does not heed the signal is killed after a grace of the simulated clock. */
  async function close(): Promise<void> {
    const closing = watch.close();
    await clock.advance(1_000);
    await closing;
  }
  afterEach(close);

  /** Plays by the media's clock; waits for the decoder, so that a busy machine is none that is too slow. */
  async function play(units: readonly AccessUnit[], wait: Wait = 'often'): Promise<void> {
    for (const unit of units) {
      const ahead = unit.utc - clock.now();
      if (ahead > 0) await clock.advance(ahead);
      watch.push(unit);
      const due = wait === 'often' ? unit.key || unit.dts % 45_000 === 0 : wait === 'keyframes' && unit.key;
      if (due) await until(() => (watch.lookedAt ?? 0) >= unit.utc - 2_600, `a picture at ${(unit.utc - T0) / 1000} s`);
    }
  }
  const starts = () => news.flatMap((one) => (one.kind === 'start' ? [(one.at - T0) / 1000] : []));

  it('finds a thing of two seconds in a large picture by its keyframes, and in a small one by all frames', async () => {
    for (const [size, group] of [
      ['1280:720', 20],
      ['640:360', 50],
    ] as const) {
      open();
      const from = 15_100;
      const crossing = (ms: number): Happening => (ms < from || ms >= from + 2_000 ? {} : { thing: { x: 20 + (ms - from) / 20, y: 40 } });
      const units = await film(30, crossing, size, group);
      await play(units);
      expect(starts()).toHaveLength(1);
      expect(starts()[0]).toBeGreaterThanOrEqual(15.1);
      expect(starts()[0]).toBeLessThan(17.1);
      expect(states).toEqual(['watching']);
      // Of the large one every frame of the first group only.
      expect(watch.counters.pictures).toBeLessThan(size === '640:360' ? 160 : 30);
      await close();
    }
  });

  it('decodes every frame of a camera whose keyframes are far apart', async () => {
    open();
    const from = 22_100;
    const units = await film(
      32,
      (ms) => (ms < from || ms >= from + 2_000 ? {} : { thing: { x: 20 + (ms - from) / 20, y: 40 } }),
      '1280:720',
      100,
    );
    await play(units);
    expect(starts()).toHaveLength(1);
    expect(starts()[0]).toBeLessThan(24.1);
  });

  it('finds the people in a real picture, and nothing in a still or flickering one', async () => {
    open();
    await play(clip());
    expect(starts().length).toBeGreaterThan(0);
    await close();
    open();
    await play(await film(40, (ms) => ({ light: () => (ms < 20_000 ? 1 : 0.6 + 0.01 * Math.sin(ms)), noise: 6 }), '1280:720', 20));
    expect(news).toEqual([]);
    expect(states).toEqual(['watching']);
  });

  it('is unhealthy when its decoder is killed, says so at once, and is trusted again when another has worked for a while', async () => {
    open();
    const units = await film(60, () => ({}), '1280:720', 20);
    await play(units.slice(0, 60));
    expect(states).toEqual(['watching']);
    process.kill(await decoderPid(), 'SIGKILL');
    await until(() => states.length > 1, 'unhealthy');
    expect(states).toEqual(['watching', 'unhealthy']);
    expect(watch.state.text).toContain('failed');
    // Until the pause before another attempt is over.
    await play(units.slice(60, 100), 'never');
    expect(watch.counters.decoders).toBe(2);
    await play(units.slice(100));
    expect(states).toEqual(['watching', 'unhealthy', 'watching']);
  });

  it('notices a decoder that hangs, and replaces it', async () => {
    open();
    // Every frame goes in, and frames are large: nothing of a still picture would fill a pipe.
    const units = await film(60, (ms) => ({ noise: 20, light: () => 1 + 0.001 * (ms % 7) }), '640:480', 20);
    await play(units.slice(0, 60));
    expect(states).toEqual(['watching']);
    const pid = await decoderPid();
    process.kill(pid, 'SIGSTOP');
    await play(units.slice(60, 160), 'never');
    expect(states).toEqual(['watching', 'unhealthy']);
    await until(() => !alive(pid), 'the stopped decoder gone');
    await play(units.slice(160, 200), 'never');
    expect(watch.counters.decoders).toBeGreaterThan(1);
    await play(units.slice(200));
    expect(states.at(-1)).toBe('watching');
  });
});

/** The decoder that this process started: other tests may run theirs beside it. */
async function decoderPid(): Promise<number> {
  const all = await processesNaming('scale=160:90');
  const own = all.filter((pid) => Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]) === process.pid);
  if (own.length !== 1) throw new Error(`${own.length} decoders run`);
  return own[0] as number;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
