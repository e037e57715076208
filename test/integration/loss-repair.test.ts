import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Impairment } from '../fakes/impaired-link.ts';
import { Recording } from './loss-recording.ts';
import { BadNetwork, bothWays, compare, videoOf, watch } from './loss-world.ts';
import { World, type Sink } from './p2p-world.ts';

let world: World;
let proxy: BadNetwork | null;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(async () => {
  await world.close();
  await proxy?.close();
  proxy = null;
});

/** A camera, and an app that watches it over a network that is bad from the first packet on. */
async function over(impairment: Partial<Impairment>, rttMs = 40, use: (sink: Sink) => void = () => {}) {
  proxy = new BadNetwork({ seed: 11, ...bothWays(rttMs, impairment) }).begin();
  const camera = world.camera();
  const app = world.app();
  const known = await world.pair(app, camera.invite());
  const { source, sink } = world.source(app, known);
  use(sink);
  await sink.until(({ units }) => units.length > 0, 60_000);
  return { camera, source, sink, proxy };
}

describe('over a network that loses packets', () => {
  it('one in a hundred, both ways, no frame is lost and none is damaged', async () => {
    const { camera, sink, proxy: network } = await over({ loss: 0.01 });
    await watch(sink, 25_000);
    expect(network.toApp.counters.lost).toBeGreaterThan(10);
    expect(compare(camera.input, sink.units)).toEqual({ damaged: 0, missing: 0, doubled: 0 });
    expect(sink.statuses.at(-1)).toMatchObject({ state: 'live', path: { lossPct: expect.any(Number) as number } });
    // And what that took is known: frames were held back for a while.
    expect(sink.statuses.at(-1)?.reception).toMatchObject({ damagedFrames: 0, lostPackets: 0 });
    const held = Math.max(...sink.statuses.map(({ reception }) => reception?.delayMs ?? 0));
    expect(held).toBeGreaterThan(20);
    expect(held).toBeLessThanOrEqual(1_200);
    // All of it came through the bad network, and by no other way.
    const bytes = sink.units.reduce((sum, { data }) => sum + data.length, 0);
    expect(network.toApp.counters.deliveredBytes).toBeGreaterThan(bytes);
  }, 120_000);

  it('one in a hundred, the recording has every frame, byte for byte', async () => {
    const recording = await Recording.start();
    try {
      const { camera, source, sink } = await over({ loss: 0.01 }, 40, (made) => recording.follow(made));
      await watch(sink, 22_000);
      await source.close();
      const { frames, recordings } = await recording.end();
      const key = (data: Uint8Array) => Buffer.from(data).toString('base64');
      const sent = [...camera.input.sent.values()].map(({ data }) => key(data));
      const first = (sink.units[0]?.pts ?? 0) / 3600;
      expect(frames.length).toBe(videoOf(sink.units).length);
      expect(frames.length).toBeGreaterThan(500);
      expect(frames.map(key)).toEqual(sent.slice(first, first + frames.length));
      expect(recordings.spans).toHaveLength(1);
    } finally {
      await recording.close();
    }
  }, 120_000);

  it('one in twenty, there is a picture all the time, of whole frames', async () => {
    const { camera, sink } = await over({ loss: 0.05 });
    await watch(sink, 15_000);
    const { damaged, missing } = compare(camera.input, sink.units);
    expect(damaged).toBe(0);
    const { length } = videoOf(sink.units);
    expect(missing / (length + missing)).toBeLessThan(0.02);
    expect(sink.statuses.some(({ state }, index) => state !== 'live' && sink.statuses[index - 1]?.state === 'live')).toBe(false);
  }, 120_000);

  it('several in a row, the rest of the pictures is whole', async () => {
    const { camera, sink } = await over({ bursts: { share: 0.01, length: 4 } });
    await watch(sink, 10_000);
    const { damaged, missing } = compare(camera.input, sink.units);
    expect(damaged).toBe(0);
    expect(missing).toBeLessThan(5);
  }, 120_000);

  it('doubles them and lets them overtake each other, nothing is lost, doubled or out of order', async () => {
    const { camera, sink } = await over({ jitterMs: 25, duplicates: 0.1 });
    await watch(sink, 10_000);
    expect(compare(camera.input, sink.units)).toEqual({ damaged: 0, missing: 0, doubled: 0 });
    const times = videoOf(sink.units).map(({ pts }) => pts);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }, 120_000);
});
