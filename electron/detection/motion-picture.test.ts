import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { yard, type Happening } from '../../test/fixtures/motion-scenes.ts';
import { MotionEvents } from './motion-events.ts';
import { MotionPicture } from './motion-picture.ts';

const scene = yard();

interface Found {
  readonly from: number;
  readonly to: number;
  readonly area: number;
}

/** Events in a film of `seconds`, a picture each `stepMs`, and the time at which each was noticed first. */
function watch(
  seconds: number,
  stepMs: number,
  happening: (ms: number) => Happening,
  { sensitivity = 50, seed = 1 } = {},
): { events: Found[]; noticed: number[] } {
  const random = seededRandom(seed);
  const picture = new MotionPicture();
  const motion = new MotionEvents();
  const events: Found[] = [];
  const noticed: number[] = [];
  let from = 0;
  for (let ms = 0; ms < seconds * 1000; ms += stepMs) {
    const event = motion.take(picture.look(scene(random, happening(ms)), ms, sensitivity), ms);
    if (event?.kind === 'start') {
      from = event.at;
      noticed.push(ms);
    }
    if (event?.kind === 'end') events.push({ from, to: event.at, area: event.area });
  }
  const rest = motion.stop();
  if (rest?.kind === 'end') events.push({ from, to: rest.at, area: rest.area });
  return { events, noticed };
}

/** Something crosses the yard from `from` to `to`, milliseconds. */
const crossing =
  (from: number, to: number, more: Happening = {}, brightness = 210) =>
  (ms: number): Happening =>
    ms < from || ms >= to ? more : { ...more, thing: { x: 10 + (110 * (ms - from)) / (to - from), y: 40, brightness } };

describe('looking for motion', () => {
  it('finds a thing of two seconds within two seconds, at five pictures a second and with keyframes only', () => {
    for (const stepMs of [200, 2_000])
      for (let phase = 0; phase < 2_000; phase += 400) {
        const begin = 20_000 + phase;
        const { events, noticed } = watch(40, stepMs, crossing(begin, begin + 2_000));
        expect(events).toHaveLength(1);
        expect(noticed[0]).toBeGreaterThanOrEqual(begin);
        expect(noticed[0]).toBeLessThan(begin + 2_000);
        expect(events[0]?.from).toBeGreaterThanOrEqual(begin);
        expect(events[0]?.to).toBeLessThan(begin + 2_000 + 200);
      }
  });

  it('finds nothing in a still scene, however noisy', () => {
    for (const noise of [0, 2, 6, 12])
      for (const stepMs of [200, 2_000])
        for (const seed of [1, 2]) expect(watch(60, stepMs, () => ({ noise }), { seed }).events).toEqual([]);
  });

  it('takes no change of the light for motion: a ramp, a lamp, a passing cloud, the camera’s exposure', () => {
    const lamp = (x: number, y: number) => 1 + 0.9 * Math.exp(-((x - 0.3) ** 2 + (y - 0.2) ** 2) / 0.15);
    const scenes: ((ms: number) => Happening)[] = [
      (ms) => ({ light: () => 0.4 + 0.6 * Math.min(1, Math.max(0, (ms - 20_000) / 10_000)) }),
      (ms) => ({ light: () => (ms < 30_000 ? 1 : 0.5) }),
      (ms) => ({ light: ms < 30_000 ? () => 0.7 : (x, y) => 0.7 * lamp(x, y) }),
      (ms) => ({ light: (x) => 1 - 0.3 * Math.exp(-((x - (ms - 20_000) / 20_000) ** 2) / 0.2) }),
      (ms) => ({ light: () => 1 + 0.15 * Math.sin(ms / 3_000) }),
    ];
    for (const [index, happening] of scenes.entries())
      for (const stepMs of [200, 2_000])
        expect({ index, stepMs, events: watch(60, stepMs, happening).events }).toEqual({ index, stepMs, events: [] });
  });

  it('finds a thing while the light changes', () => {
    const { events } = watch(60, 200, (ms) => crossing(30_000, 33_000, { light: () => 1 - ms / 120_000 })(ms));
    expect(events).toHaveLength(1);
    expect(events[0]?.from).toBeLessThan(32_000);
  });

  it('takes the slightest thing only when it is set to', () => {
    const faint = crossing(20_000, 24_000, {}, 118);
    const small = (ms: number): Happening =>
      ms < 20_000 || ms >= 24_000 ? {} : { thing: { x: 20 + (ms - 20_000) / 40, y: 60, width: 6, height: 6 } };
    expect(watch(40, 200, faint, { sensitivity: 90 }).events.length).toBeGreaterThan(0);
    expect(watch(40, 200, faint, { sensitivity: 1 }).events).toEqual([]);
    expect(watch(40, 200, small, { sensitivity: 100 }).events.length).toBeGreaterThan(0);
    expect(watch(40, 200, small, { sensitivity: 20 }).events).toEqual([]);
  });

  it('gets used to what stays, and to what never rests', () => {
    const parked = watch(180, 200, (ms) => (ms < 20_000 ? {} : { thing: { x: 60, y: 40 } }));
    expect(parked.events).toHaveLength(1);
    expect(parked.events[0]?.to).toBeLessThan(120_000);
    const flickering = watch(300, 200, (ms) => ({ thing: { x: 100, y: 10, brightness: Math.floor(ms / 600) % 2 ? 60 : 150 } }));
    expect(flickering.events.every(({ from }) => from < 180_000)).toBe(true);
  });

  it('says how much of the picture moved', () => {
    const area = (width: number) =>
      watch(40, 200, (ms) => (ms < 20_000 || ms > 23_000 ? {} : { thing: { x: 20 + (ms - 20_000) / 50, y: 30, width, height: 30 } }))
        .events[0]?.area ?? 0;
    expect(area(10)).toBeGreaterThan(0.01);
    expect(area(40)).toBeGreaterThan(area(10));
    expect(area(40)).toBeLessThan(0.3);
  });
});

describe('events of motion', () => {
  const still = { moving: false, area: 0 };
  const moving = { moving: true, area: 0.1 };

  it('are no single flickers, and go on over short rests', () => {
    const motion = new MotionEvents();
    const at = (second: number, look: typeof still) => motion.take(look, second * 1000);
    expect([at(0, still), at(0.2, moving), at(0.4, still), at(0.6, still)]).toEqual([null, null, null, null]);
    expect(at(1, moving)).toBeNull();
    expect(at(1.2, moving)).toEqual({ kind: 'start', at: 1000 });
    expect(at(3, still)).toBeNull();
    expect(at(4, moving)).toBeNull();
    expect(at(6.8, still)).toBeNull();
    expect(at(7, still)).toEqual({ kind: 'end', at: 4000, area: 0.1 });
    expect(motion.stop()).toBeNull();
  });
});
