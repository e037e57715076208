import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { NackTracker } from './nack-tracker.ts';

let clock: SimulatedClock;
let asked: number[][];
let tracker: NackTracker;
beforeEach(() => {
  clock = new SimulatedClock();
  asked = [];
  tracker = new NackTracker({ clock, rttMs: () => 40, request: (numbers) => asked.push([...numbers]) });
});
const push = (...numbers: number[]) => numbers.forEach((number) => tracker.push(number & 0xffff));

describe('NackTracker', () => {
  it('asks for what is missing, soon', async () => {
    push(10, 11, 14);
    await clock.advance(10);
    expect(asked).toEqual([[12, 13]]);
  });

  it('does not ask for what was only late', async () => {
    push(10, 12, 11);
    await clock.advance(1000);
    expect(asked).toEqual([]);
    expect(tracker.loss).toEqual({ expected: 3, lost: 0 });
  });

  it('asks again each round trip, six times in all, then lets go', async () => {
    push(1, 3);
    await clock.advance(5);
    expect(asked).toHaveLength(1);
    await clock.advance(50);
    expect(asked.length).toBeLessThanOrEqual(2);
    await clock.advance(5000);
    expect(asked).toHaveLength(6);
  });

  it('stops asking when the packet comes', async () => {
    push(1, 3);
    await clock.advance(10);
    push(2);
    await clock.advance(2000);
    expect(asked).toEqual([[2]]);
    expect(tracker.loss).toEqual({ expected: 3, lost: 1 });
  });

  it('works across the wrap, also for 65535 and 0', async () => {
    push(65_533, 65_534, 65_536 + 1);
    await clock.advance(10);
    expect(asked).toEqual([[65_535, 0]]);
    push(65_536 + 2, 65_536 + 4);
    await clock.advance(10);
    expect(asked.at(-1)).toEqual([3]);
  });

  it('keeps little of a great hole, and counts it whole', async () => {
    push(1, 30_000);
    await clock.advance(1000);
    expect(asked).toEqual([]);
    expect(tracker.loss).toEqual({ expected: 30_000, lost: 29_998 });
    await clock.advance(6000);
    expect(tracker.loss).toEqual({ expected: 0, lost: 0 });
  });

  it('asks for a bounded number at a time, whatever comes', async () => {
    const random = seededRandom(1);
    for (let round = 0; round < 10_000; round += 1) {
      push(Math.floor(random() * 65_536));
      if (round % 100 === 0) await clock.advance(7);
    }
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(128);
  });

  it('is silent after close', async () => {
    push(1, 5);
    tracker.close();
    push(9);
    await clock.advance(1000);
    expect(asked).toEqual([]);
  });
});
