import { expect, it } from 'vitest';
import { AUDIO, UnitMaker, VIDEO } from '../../test/fixtures/muxed-units.ts';
import { SoundWait } from './sound-wait.ts';

const T0 = Date.UTC(2026, 0, 1);

function setUp(timeline = 1) {
  const maker = new UnitMaker({ timeline, configs: [VIDEO, AUDIO] });
  const picture = (dts: number) => maker.unit({ at: T0 + dts, dts, key: dts === 0 });
  const sound = (dts: number) => maker.unit({ kind: 'audio', at: T0 + dts, dts });
  return { picture, sound };
}

it('tells of sound before the first picture, though it comes after it', () => {
  const wait = new SoundWait();
  const { picture, sound } = setUp();
  const units = [picture(0), picture(40), sound(45), picture(80), sound(65)] as const;
  expect(wait.take(units[0])).toEqual([]);
  expect(wait.take(units[1])).toEqual([]);
  expect(wait.take(units[2])).toEqual([units[2], units[0], units[1]]);
  expect(wait.take(units[3])).toEqual([units[3]]);
  expect(wait.take(units[4])).toEqual([units[4]]);
});

it('waits for half a second of a camera without sound, and then no more', () => {
  const wait = new SoundWait();
  const { picture } = setUp();
  const units = Array.from({ length: 20 }, (_, index) => picture(index * 40));
  const out = units.map((unit) => wait.take(unit).length);
  expect(out.indexOf(14)).toBe(13);
  expect(out.slice(14)).toEqual(Array(6).fill(1));
});

it('waits anew on each timeline, and loses nothing of the one before', () => {
  const wait = new SoundWait();
  const old = setUp(1).picture(0);
  const next = setUp(2);
  const units = [next.picture(0), next.sound(10)] as const;
  expect(wait.take(old)).toEqual([]);
  expect(wait.take(units[0])).toEqual([old]);
  expect(wait.take(units[1])).toEqual([units[1], units[0]]);
  expect(wait.flush()).toEqual([]);
});

it('holds a bounded number of units', () => {
  const wait = new SoundWait();
  const { picture } = setUp();
  // A clock that stands still never ends the wait.
  const unit = picture(0);
  let held = 0;
  while (wait.take(unit).length === 0) held += 1;
  expect(held).toBe(249);
});
