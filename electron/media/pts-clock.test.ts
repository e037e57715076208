import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { pts90k } from '../base/units.ts';
import { PtsClock } from './pts-clock.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';

interface Run {
  readonly minutes: number;
  /** How much faster the camera's clock runs, in ppm. */
  readonly drift?: number;
  /** Least and further delay of the network in ms. */
  readonly delay?: number;
  readonly jitter?: number;
  readonly onFrame?: (index: number, clock: SimulatedClock) => void;
}

/** The error of each frame's time in ms, for a camera of 25 fps: mapped minus true. */
async function errors({ minutes, drift = 0, delay = 5, jitter = 60, onFrame }: Run): Promise<number[]> {
  const clock = new SimulatedClock();
  const times = new PtsClock(clock);
  const random = seededRandom(8);
  const out: number[] = [];
  let arrival = 0;
  for (let index = 0; index < minutes * 60 * 25; index += 1) {
    const captured = index * 40;
    // TCP: a late one holds up the next ones.
    arrival = Math.max(arrival, captured + delay + random() ** 4 * jitter);
    await clock.advance(arrival - clock.monotonic());
    onFrame?.(index, clock);
    const pts = pts90k(Math.round(captured * 90 * (1 + drift / 1e6)));
    const shift = clock.now() - clock.monotonic();
    out.push(times.map(pts) - (captured + shift));
  }
  return out;
}

describe('PtsClock', () => {
  it('sees through network jitter: the error is the least delay', async () => {
    const list = (await errors({ minutes: 2 })).slice(100);
    expect(Math.min(...list)).toBeGreaterThan(4.9);
    expect(Math.max(...list)).toBeLessThan(6);
  });

  it.each([200, -200, 500, -500])('follows a clock that drifts by %i ppm, without jumps', async (drift) => {
    const list = await errors({ minutes: 10, drift });
    // A slow one is a minute behind, as is the window: 30 ms at 500 ppm.
    expect(Math.max(...list.slice(100).map((error) => Math.abs(error - 5)))).toBeLessThan(40);
    const steps = list.slice(101).map((error, index) => Math.abs(error - list[index + 100]!));
    // 1000 ppm of the time between two frames, the drift itself, and the rounding of pts.
    expect(Math.max(...steps)).toBeLessThan(0.2);
  });

  it('converges at once when a server begins with a burst of old frames', async () => {
    const clock = new SimulatedClock();
    const times = new PtsClock(clock);
    await clock.advance(2000);
    for (let index = 0; index <= 20; index += 1) {
      times.map(pts90k(index * 3600));
      await clock.advance(5);
    }
    // Frame 20 came 800 ms of media after frame 0 and 100 ms after it in time, and at once.
    expect(times.map(pts90k(20 * 3600)) - clock.now()).toBeCloseTo(-5, 5);
    expect(times.steps).toBe(0);
  });

  it('steps when the times themselves jump, and counts it', async () => {
    const clock = new SimulatedClock();
    const times = new PtsClock(clock);
    for (let index = 0; index < 100; index += 1) {
      times.map(pts90k(index * 3600));
      await clock.advance(40);
    }
    expect(times.map(pts90k(2 ** 33)) - clock.now()).toBeCloseTo(0, 3);
    expect(times.steps).toBe(1);
  });

  it('follows the wall clock when it is set', async () => {
    const list = await errors({ minutes: 1, onFrame: (index, clock) => (index === 700 ? clock.jump(3_600_000) : undefined) });
    expect(Math.max(...list.slice(100).map((error) => Math.abs(error - 5)))).toBeLessThan(2);
  });
});
