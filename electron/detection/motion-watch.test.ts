import { afterEach, expect, it, vi } from 'vitest';
import { UnitMaker } from '../../test/fixtures/muxed-units.ts';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { pts90k, utcMs } from '../base/units.ts';
import { MotionWatch } from './motion-watch.ts';

afterEach(() => vi.unstubAllEnvs());

it('tries a decoder again and again, however long the camera’s groups of pictures are', async () => {
  vi.stubEnv('KEYHOLE_FFMPEG', '/nowhere/ffmpeg');
  const clock = new SimulatedClock(1_000_000);
  let failures = 0;
  const log = { ...silentLog, warn: () => void (failures += 1) };
  const watch = new MotionWatch({ clock, log, sensitivity: () => 50, onMotion: () => {}, onState: () => {} });
  const [unit] = new UnitMaker().video({ at: clock.now(), lengthMs: 1_000 });
  if (!unit) throw new Error('no unit');
  for (let second = 0; second < 600; second++) {
    const time = pts90k(second * 90_000);
    watch.push({ ...unit, key: second % 10 === 0, pts: time, dts: time, utc: utcMs(Math.round(clock.now())) });
    // To look for a program takes real time.
    await vi.waitFor(() => expect(failures).toBe(watch.counters.decoders), { interval: 1 });
    await clock.advance(1_000);
  }
  // At most 30 s lie between two attempts, and the next keyframe is 10 s away.
  expect(watch.counters.decoders).toBeGreaterThanOrEqual(600 / 40);
  expect(watch.state).toMatchObject({ state: 'unhealthy', text: expect.stringContaining('/nowhere/ffmpeg') as unknown });
  await watch.close();
});
