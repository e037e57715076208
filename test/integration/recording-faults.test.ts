import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import type { Reason } from '../../electron/contract/model.ts';
import { FfmpegFeed, type FeedState } from '../../electron/ffmpeg/feed.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { material, placed } from './recording-material.ts';
import { RecordingWorld } from './recording-world.ts';

/* Real processes that are killed or stopped under a recording, and clocks that are set by hours. */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);
const HOUR = 3_600_000;

let world: RecordingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

/** Running ffmpegs that this process started (proc(5): the parent follows the state). */
function ffmpegs(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, name, state, parent] = /^\d+ \((.*)\) (\w) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        return name === 'ffmpeg' && state !== 'Z' && Number(parent) === process.pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

const stream = () => placed(material({ options: ['-bf', '0'], seconds: 24, sound: 'aac' }), { at: T0, from: 90_000, timeline: 1 });
const between = (units: ReturnType<typeof stream>, from: number, to: number) =>
  units.filter(({ utc }) => utc >= T0 + from && utc < T0 + to);
const pictures = (units: ReturnType<typeof stream>) => units.filter(({ config }) => config.kind === 'video').length;

describe.runIf(process.platform === 'linux')('the ffmpeg that writes a recording', () => {
  it('may be killed at any moment: the next one is given what did not come out, and nothing is missing', async () => {
    world = await RecordingWorld.open('bare', T0);
    const units = stream();
    const kills = [1_300, 5_480, 12_960];
    for (const [i, at] of kills.entries()) {
      await world.play(between(units, kills[i - 1] ?? 0, at));
      const [pid] = ffmpegs();
      expect(pid).toBeDefined();
      process.kill(pid!, 'SIGKILL');
      await expect.poll(() => world?.recorder.stats.remuxRestarts).toBe(i + 1);
      // What follows an ffmpeg that failed soon waits a moment.
      await world.clock.advance(1_000);
    }
    await world.play(between(units, 12_960, 24_000));
    await world.recorder.close();
    const files = await world.judge();
    expect(files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0)).toBe(pictures(units));
    expect(await world.recordings(T0, T0 + 24_000)).toMatchObject({ spans: [{ from: T0, to: T0 + 24_000 }], gaps: [] });
  });

  it('that hangs (SIGSTOP) is noticed within 10 s, killed and replaced, and nothing is missing', async () => {
    world = await RecordingWorld.open('bare', T0);
    const units = stream();
    await world.play(between(units, 0, 4_000));
    const [pid] = ffmpegs();
    process.kill(pid!, 'SIGSTOP');
    let noticedAt = 0;
    for (const unit of between(units, 4_000, 20_000)) {
      if (noticedAt > 0) await world.until(unit.receivedAt);
      else if (unit.receivedAt > world.clock.now()) await world.clock.advance(unit.receivedAt - world.clock.now());
      if (noticedAt === 0 && world.recorder.stats.remuxRestarts > 0) {
        noticedAt = world.clock.now();
        expect(world.recorder.reason ?? { reason: 'ffmpeg-failed' }).toMatchObject({ reason: 'ffmpeg-failed' });
        await expect.poll(() => ffmpegs()).not.toContain(pid);
        await world.clock.advance(1_000);
      }
      world.push(unit);
    }
    expect(noticedAt - T0 - 4_000).toBeGreaterThan(5_000);
    expect(noticedAt - T0 - 4_000).toBeLessThanOrEqual(10_000);
    await world.play(between(units, 20_000, 24_000));
    await world.recorder.close();
    const files = await world.judge();
    expect(files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0)).toBe(pictures(units));
    expect(await world.recordings(T0, T0 + 24_000)).toMatchObject({ spans: [{ from: T0, to: T0 + 24_000 }], gaps: [] });
  });
});

describe.runIf(process.platform === 'linux')('the ffmpeg that reads a camera', () => {
  it('and hangs (SIGSTOP) is noticed within 10 s, killed, said to be the cause, and started anew', async () => {
    const clock = new SimulatedClock(T0);
    const statuses: { state: FeedState; reason: Reason | null }[] = [];
    const units: AccessUnit[] = [];
    const feed = new FfmpegFeed({
      name: 'The camera at 10.0.0.9',
      plan: () =>
        Promise.resolve({
          inputs: [{ url: 'testsrc=s=160x120:r=25', options: ['-re', '-f', 'lavfi'] }],
          codecs: ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'],
          output: { kind: 'fragments', tracks: { video: true, audio: 'none' } },
        }),
      clock,
      log: silentLog,
      onUnit: (unit) => units.push(unit),
      onStatus: (state, reason) => statuses.push({ state, reason }),
    });
    feed.start();
    await expect.poll(() => units.length, { timeout: 20_000 }).toBeGreaterThan(20);
    const [pid] = ffmpegs();
    process.kill(pid!, 'SIGSTOP');
    // What is in the pipe already still comes.
    await expect
      .poll(async () => {
        const before = units.length;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return units.length - before;
      })
      .toBe(0);
    await clock.advance(10_000);
    await expect
      .poll(() => statuses.at(-1))
      .toMatchObject({
        state: 'offline',
        reason: {
          code: 'ffmpeg-failed',
          text: 'ffmpeg, which reads the camera, hung and was killed. The camera at 10.0.0.9 is tried again.',
        },
      });
    expect(ffmpegs()).not.toContain(pid);
    await clock.advance(1_000);
    await expect.poll(() => statuses.at(-1)?.state, { timeout: 20_000 }).toBe('live');
    await feed.close();
  });
});

it('a camera whose sound goes on when its pictures do not is noticed within 10 s, and opened anew', async () => {
  const clock = new SimulatedClock(T0);
  const statuses: { state: FeedState; reason: Reason | null }[] = [];
  const heard: AccessUnit['config']['kind'][] = [];
  const feed = new FfmpegFeed({
    name: 'The camera at 10.0.0.9',
    plan: () =>
      Promise.resolve({
        inputs: [{ url: 'testsrc=s=160x120:r=25:d=1[out0];sine=440[out1]', options: ['-re', '-f', 'lavfi'] }],
        codecs: ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
        output: { kind: 'fragments', tracks: { video: true, audio: 'coded' } },
      }),
    clock,
    log: silentLog,
    onUnit: ({ config }) => heard.push(config.kind),
    onStatus: (state, reason) => statuses.push({ state, reason }),
  });
  feed.start();
  /** More sound with no picture after it than there is between two pictures. */
  const soundAlone = () => heard.length - 1 - heard.lastIndexOf('video') > 20 && heard.includes('video');
  await expect.poll(soundAlone, { timeout: 20_000 }).toBe(true);
  for (let s = 0; s < 10; s += 1) {
    const before = heard.length;
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThan(before);
    await clock.advance(1_000);
  }
  await expect.poll(() => statuses.at(-1)).toMatchObject({ state: 'offline' });
  await clock.advance(1_000);
  await expect.poll(() => statuses.at(-1)?.state, { timeout: 20_000 }).toBe('live');
  await feed.close();
});

describe('a clock that is set by hours', () => {
  it('forward and back: every file is played, none has the name of another, and the gap says why', async () => {
    world = await RecordingWorld.open('fragments', T0);
    const units = stream();
    const piece = async (from: number, to: number, by: number) => {
      const moved = between(units, from, to).map(
        (unit) => ({ ...unit, utc: unit.utc + by, receivedAt: unit.receivedAt + by }) as typeof unit,
      );
      await world!.play(moved);
    };
    await piece(0, 4_000, 0);
    world.clock.jump(5 * HOUR);
    await piece(4_000, 8_000, 5 * HOUR);
    const { gaps } = await world.recordings(T0, T0 + 5 * HOUR + 7_000);
    expect(gaps).toMatchObject([{ from: T0 + 4_000, to: T0 + 4_000 + 5 * HOUR, reason: 'clock-set' }]);
    world.clock.jump(-7 * HOUR);
    await piece(8_000, 12_000, -2 * HOUR);
    // Two hours behind: what is recorded now meets what was recorded then.
    world.clock.jump(2 * HOUR - 8_000);
    await piece(12_000, 16_000, -8_000);
    await world.recorder.close();
    const files = await world.judge();
    expect(files.map(({ row }) => row.start - T0)).toEqual([8_000 - 2 * HOUR, 0, 4_000, 4_000 + 5 * HOUR].sort((a, b) => a - b));
    expect(files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0)).toBe(400);
  });

  it('by summer time ending, does nothing: files and days are named in UTC', async () => {
    const zone = process.env.TZ;
    process.env.TZ = 'Europe/Berlin';
    try {
      const change = Date.UTC(2026, 9, 25, 1);
      expect(new Date(change - 1).getHours()).toBe(2);
      expect(new Date(change).getHours()).toBe(2);
      world = await RecordingWorld.open('fragments', change - 12_000);
      const units = placed(material({ options: ['-bf', '0'], seconds: 24 }), { at: change - 12_000, from: 90_000, timeline: 1 });
      await world.play(units);
      await world.recorder.close();
      expect((await world.judge()).map(({ row }) => row.start)).toEqual([change - 12_000]);
      expect(world.files()[0]).toContain(`2026-10-25/${change - 12_000}.mp4`);
      expect(await world.recordings(change - 12_000, change + 12_000)).toMatchObject({ spans: [{}], gaps: [] });
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});
