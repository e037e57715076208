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
const push = (...numbers: number[]) => numbers.map((number) => tracker.push(number & 0xffff)).at(-1);

const clockOf = (of: SimulatedClock) => ({ now: () => of.now(), monotonic: () => of.monotonic() });
/** The times at which anything was asked for. */
const askedAt = async (ms: number): Promise<number[]> => {
  const times: number[] = [];
  for (let passed = 0, before = asked.length; passed < ms; passed += 1) {
    await clock.advance(1);
    if (asked.length > before) times.push(clock.monotonic());
    before = asked.length;
  }
  return times;
};

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

  it('waits as long as packets are seen to overtake each other, and no longer once they do not', async () => {
    let number = 0;
    const overtake = async (ms: number) => {
      push(number, number + 2);
      await clock.advance(ms);
      push(number + 1);
      number += 3;
    };
    await overtake(20);
    const { length } = asked;
    for (let round = 0; round < 20; round += 1) await overtake(20);
    expect(asked).toHaveLength(length);
    expect(tracker.loss.lost).toBe(0);
    for (let round = 0; round < 100; round += 1) await overtake(100);
    const before = asked.length;
    push(number, number + 2);
    await clock.advance(8);
    expect(asked).toHaveLength(before + 1);
  });

  it('asks again after a round trip and what it varies by, never sooner, for as long as it pays, then lets go', async () => {
    push(1, 3);
    const times = await askedAt(5_000);
    expect(times.length).toBeGreaterThanOrEqual(5);
    times.forEach((at, index) => index > 0 && expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(40));
    expect(times.at(-1)).toBeLessThanOrEqual(tracker.patienceMs);
    expect(tracker.counters).toEqual({ requested: times.length, repaired: 0, late: 0, givenUp: 1 });
  });

  it('learns how long a repair takes and varies, and asks again no sooner', async () => {
    const random = seededRandom(3);
    let number = 0;
    for (let round = 0; round < 50; round += 1) {
      push(number, number + 2);
      await clock.advance(5 + 50 + random() * 35);
      expect(push(number + 1)).toBe('repaired');
      number += 3;
    }
    asked = [];
    push(number, number + 2);
    const [first = 0, second = 0] = await askedAt(1_000);
    expect(second - first).toBeGreaterThanOrEqual(75);
    expect(second - first).toBeLessThanOrEqual(200);
  });

  it('waits for a repair no longer than half a second, and where a round trip is long as long as two tries take', () => {
    const patience = (rttMs: number) => new NackTracker({ clock, rttMs: () => rttMs, request: () => {} }).patienceMs;
    expect(patience(1)).toBeGreaterThanOrEqual(200);
    expect(patience(100)).toBeLessThanOrEqual(500);
    expect(patience(40)).toBeLessThanOrEqual(500);
    expect(patience(250)).toBeGreaterThanOrEqual(750);
    expect(patience(5_000)).toBeLessThanOrEqual(1_000);
  });

  it('stops asking when the packet comes', async () => {
    push(1, 3);
    await clock.advance(30);
    expect(push(2)).toBe('repaired');
    await clock.advance(2000);
    expect(asked).toEqual([[2]]);
    expect(tracker.loss).toEqual({ expected: 3, lost: 1 });
    expect(push(2)).toBe('known');
  });

  it('tells what was only late, though asked for in vain, from what was lost', async () => {
    push(1, 3);
    await clock.advance(10);
    expect(asked).toHaveLength(1);
    push(2);
    expect(tracker.loss).toEqual({ expected: 3, lost: 0 });
    expect(tracker.counters.late).toBe(1);
  });

  it('asks for the beginning of a stream that it is told of, before or after the first packet', async () => {
    tracker.begin(100);
    push(103);
    await clock.advance(10);
    expect(asked).toEqual([[100, 101, 102]]);
    const other = new NackTracker({ clock, rttMs: () => 40, request: (numbers) => asked.push([...numbers]) });
    other.push(2);
    other.begin(65_534);
    other.begin(65_534);
    await clock.advance(10);
    expect(asked.at(-1)).toEqual([65_534, 65_535, 0, 1]);
    expect(other.loss).toEqual({ expected: 5, lost: 4 });
    // It cannot have begun after its first packet, nor so long before.
    other.begin(5);
    other.begin(40_000);
    await clock.advance(1);
    expect(other.loss.expected).toBe(5);
  });

  it('asks for no more than a share of what comes, however much is lost', async () => {
    for (let number = 0; number < 20_000; number += 10) {
      push(number);
      await clock.advance(10);
    }
    const requested = asked.reduce((sum, numbers) => sum + numbers.length, 0);
    // 2,000 packets came in 20 s.
    expect(requested).toBeGreaterThan(1_500);
    expect(requested).toBeLessThan(2_000 * 0.5 + 20 * 50 + 200);
  });

  it('gives nothing up, and asks for nothing, because the program was busy: it reads what has come first', async () => {
    let late = 0;
    const busy = { ...clockOf(clock), setTimeout: (run: () => void, ms: number) => clock.setTimeout(run, ms + late) };
    const stalled = new NackTracker({ clock: busy, rttMs: () => 40, request: (numbers) => asked.push([...numbers]) });
    late = 2_000;
    stalled.push(1);
    stalled.push(3);
    late = 0;
    await clock.advance(2_006);
    expect(asked).toEqual([]);
    await clock.advance(15);
    expect(asked).toEqual([[2]]);
    expect(stalled.counters.givenUp).toBe(0);
  });

  it('does not ask for what was sent while nothing came through, and then goes on', async () => {
    push(1, 3);
    tracker.outage();
    push(50);
    await clock.advance(1_000);
    expect(asked).toEqual([]);
    push(52);
    await clock.advance(10);
    expect(asked).toEqual([[51]]);
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
      if (random() < 0.01) tracker.begin(Math.floor(random() * 65_536));
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
