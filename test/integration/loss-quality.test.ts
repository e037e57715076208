import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSubInput, type CameraInput } from '../../camera/input/input.ts';
import { systemClock } from '../../electron/base/clock.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import type { Impairment } from '../fakes/impaired-link.ts';
import { Recording } from './loss-recording.ts';
import { BadNetwork, compare, videoOf, watch } from './loss-world.ts';
import { ClipInput, testClip, testLog, World, type Sink } from './p2p-world.ts';

const WIDE: Partial<Impairment> = { kbps: 20_000, delayMs: 20, queueBytes: 64 * 1024 };
const THIN: Partial<Impairment> = { kbps: 600 };

let world: World;
let proxy: BadNetwork;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(async () => {
  await world.close();
  await proxy.close();
});

/** A camera with a picture of 2 Mbit/s, and perhaps one of 200 kbit/s, and an app that watches it. */
async function watched(options: { sub: boolean | ((main: ClipInput) => CameraInput); use?: (sink: Sink) => void }) {
  proxy = new BadNetwork({ seed: 5, toApp: WIDE, toCamera: { delayMs: 20 } }).begin();
  const subs: ClipInput[] = [];
  const main = new ClipInput(testClip('640x360', 2_000));
  const openSub = () => {
    if (typeof options.sub === 'function') return options.sub(main);
    const input = new ClipInput(testClip('320x180', 200));
    subs.push(input);
    return input;
  };
  const camera = world.camera('yard', { input: main, ...(options.sub ? { openSub } : {}) });
  const app = world.app();
  const known = await world.pair(app, camera.invite());
  const { source, sink } = world.source(app, known);
  options.use?.(sink);
  await sink.until(({ units }) => units.length > 0, 60_000);
  return { camera, source, sink, subs };
}

const widthOf = ({ config }: AccessUnit): number => (config.kind === 'video' ? config.width : 0);
const quality = (sink: Sink) => sink.statuses.at(-1)?.quality;
const key = (data: Uint8Array) => Buffer.from(data).toString('base64');

describe('a camera whose uplink becomes too thin', () => {
  it('sends its small picture, says so, in time, and its main one again when that fits; the recording goes on', async () => {
    const recording = await Recording.start();
    try {
      const { camera, source, sink, subs } = await watched({ sub: true, use: (made) => recording.follow(made) });
      await watch(sink, 4_000);
      expect(compare(camera.input, sink.units)).toEqual({ damaged: 0, missing: 0, doubled: 0 });
      expect(subs).toHaveLength(0);

      proxy.toApp.change(THIN);
      await sink.until(() => quality(sink)?.stream === 'sub', 30_000);
      await sink.until(({ units }) => widthOf(units.at(-1)!) === 320, 30_000);
      expect(quality(sink)?.reason).toMatch(/too thin for its full picture: it carries about \d+ kbit\/s/);
      expect(quality(sink)?.estimateKbps).toBeLessThan(1_200);
      await watch(sink, 3_000);
      const settled = await watch(sink, 5_000);
      expect(new Set(settled.map(widthOf))).toEqual(new Set([320]));
      // What waits in the network, and at the camera, is little: this is live.
      const [sub] = subs;
      const captured = new Map([...(sub?.sent.values() ?? [])].map(({ utc, at }) => [Math.round(utc), at]));
      const delays = settled.flatMap(({ utc, receivedAt }) => {
        const at = captured.get(Math.round(utc)) ?? captured.get(Math.round(utc) - 1) ?? captured.get(Math.round(utc) + 1);
        return at === undefined ? [] : [receivedAt - at];
      });
      const late = delays.filter((ms) => ms > 2_000);
      expect(late).toEqual([]);
      const known = new Set(testClip('320x180', 200).frames.map(({ data }) => key(data)));
      for (const { data } of settled) expect(known.has(key(data))).toBe(true);

      proxy.toApp.change(WIDE);
      await sink.until(() => quality(sink)?.stream === 'main', 90_000);
      expect(quality(sink)?.reason).toBeNull();
      await sink.until(({ units }) => widthOf(units.at(-1)!) === 640, 30_000);
      const after = await watch(sink, 5_000);
      expect(compare(camera.input, after)).toEqual({ damaged: 0, missing: 0, doubled: 0 });

      // One timeline, in order, from beginning to end.
      const units = videoOf(sink.units);
      expect(new Set(units.map(({ timeline }) => timeline)).size).toBe(1);
      units.slice(1).forEach(({ pts }, index) => expect(pts).toBeGreaterThan(units[index]!.pts));
      expect(sink.statuses.some(({ state }, index) => state !== 'live' && sink.statuses[index - 1]?.state === 'live')).toBe(false);

      await source.close();
      const { frames, segments, recordings } = await recording.end();
      expect(segments.length).toBeGreaterThanOrEqual(3);
      const recorded = new Set(frames.map(key));
      for (const { data } of after) expect(recorded.has(key(data))).toBe(true);
      for (const { data } of settled) expect(recorded.has(key(data))).toBe(true);
      expect(recordings.gaps.filter(({ reason }) => reason === 'session-lost')).toEqual([]);
    } finally {
      await recording.close();
    }
  }, 240_000);

  it('can make the small picture of the main one', async () => {
    const open = (main: ClipInput) =>
      createSubInput('transcode:?size=320x180&fps=10&kbps=200', main, { clock: systemClock, log: testLog.child('sub') });
    const { sink } = await watched({ sub: open });
    await watch(sink, 2_000);
    proxy.toApp.change(THIN);
    await sink.until(({ units }) => widthOf(units.at(-1)!) === 320, 60_000);
    const units = await watch(sink, 4_000);
    // At its ten frames a second; on a busy machine the encoder leaves one out now and then.
    const steps = units.slice(1).map(({ pts }, index) => pts - units[index]!.pts);
    expect(steps.filter((step) => step % 9_000 !== 0)).toEqual([]);
    expect(steps.filter((step) => step === 9_000).length).toBeGreaterThan(steps.length * 0.8);
    expect(quality(sink)?.stream).toBe('sub');
  }, 180_000);

  it('without a small picture leaves pictures out, says so, and none comes old', async () => {
    const { camera, sink } = await watched({ sub: false });
    await watch(sink, 3_000);
    proxy.toApp.change(THIN);
    await sink.until(() => (quality(sink)?.reason ?? null) !== null, 60_000);
    expect(quality(sink)).toMatchObject({ stream: 'main', reason: expect.stringMatching(/too thin even for its only picture/) as string });
    await watch(sink, 4_000, 60_000);
    const units = await watch(sink, 8_000, 60_000);
    const { damaged, missing } = compare(camera.input, units);
    expect(damaged).toBe(0);
    expect(missing).toBeGreaterThan(20);
    for (const { pts, receivedAt } of units) expect(receivedAt - (camera.input.sent.get(pts)?.at ?? 0)).toBeLessThan(5_000);
    proxy.toApp.change(WIDE);
    await sink.until(() => quality(sink)?.reason === null, 60_000);
    await watch(sink, 2_000);
    expect(compare(camera.input, await watch(sink, 3_000))).toEqual({ damaged: 0, missing: 0, doubled: 0 });
  }, 240_000);
});
