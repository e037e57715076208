import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { World } from './p2p-world.ts';

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(() => world.close());

const paired = async () => {
  const camera = world.camera();
  const app = world.app();
  return { camera, app, known: await world.pair(app, camera.invite()) };
};

describe('a paired app', () => {
  it('gets every frame of the camera, whole, from a keyframe on, with its capture time', async () => {
    const { camera, app, known } = await paired();
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length >= 60);
    expect(sink.state).toBe('live');
    const [first] = sink.units;
    expect(first?.key).toBe(true);
    expect(first?.config).toMatchObject({ kind: 'video', codec: 'h264', width: 640, height: 360 });
    let last = (first?.pts ?? 0) - 3600;
    for (const unit of sink.units) {
      expect(unit.pts).toBe(last + 3600);
      last = unit.pts;
      const sent = camera.input.sent.get(unit.pts);
      expect(Buffer.from(sent?.data ?? []).equals(unit.data)).toBe(true);
      // One clock here: what is wrong is the measurement of its difference to itself, and the timer's unevenness.
      expect(Math.abs((sent?.utc ?? 0) - unit.utc)).toBeLessThan(50);
      expect(unit.dts).toBeLessThanOrEqual(unit.pts);
    }
    const path = sink.statuses.at(-1)?.path;
    expect(path).toMatchObject({ kind: expect.stringMatching(/^(host|srflx|prflx)$/), remote: expect.stringMatching(/:\d+$/) });
  });
});
