import { beforeEach, describe, expect, it } from 'vitest';
import { StreamChoice, type Situation } from './stream-choice.ts';

const MAIN = 2_000_000;
let choice: StreamChoice;
let now: number;
beforeEach(() => {
  now = 0;
  choice = new StreamChoice(now);
});

const decide = (change: Partial<Situation> = {}) =>
  choice.decide({ now, waitMs: 0, estimateBps: 10_000_000, backedOffAt: -Infinity, mainBps: MAIN, hasSub: true, ...change });
/** Decides 25 times a second; the times of the probes. */
const live = (ms: number, change: () => Partial<Situation>): number[] => {
  const probes: number[] = [];
  for (const until = now + ms; now < until; now += 40) if (decide(change()).probeBps !== null) probes.push(now);
  return probes;
};
const thin = () => decide({ waitMs: 600, estimateBps: 500_000, backedOffAt: now });

describe('the choice between two pictures', () => {
  it('is the main one while it goes through, and the small one when pictures wait because the way is full', () => {
    live(60_000, () => ({}));
    expect(choice.wanted).toBe('main');
    decide({ waitMs: 400, estimateBps: 1_000_000, backedOffAt: now });
    expect(choice.wanted).toBe('main');
    thin();
    expect(choice.wanted).toBe('sub');
  });

  it('is not put off by a beginning, which takes a while on any way', () => {
    live(3_000, () => ({ waitMs: 900, estimateBps: 5_000_000 }));
    expect(choice.wanted).toBe('main');
    live(3_000, () => ({ waitMs: 900, estimateBps: 5_000_000 }));
    expect(choice.wanted).toBe('sub');
  });

  it('is none where there is one picture only, or the small one has died', () => {
    thin();
    decide({ hasSub: false });
    expect(choice.wanted).toBe('main');
    decide({ hasSub: false, waitMs: 5_000, backedOffAt: now });
    expect(choice.wanted).toBe('main');
  });

  it('goes back when the way carries the main one with something to spare, has been calm, and not at once', () => {
    thin();
    const wide = () => ({ estimateBps: 1.3 * MAIN });
    live(7_900, wide);
    expect(choice.wanted).toBe('sub');
    const crowded = now;
    live(3_000, () => ({ ...wide(), backedOffAt: crowded }));
    expect(choice.wanted).toBe('sub');
    live(2_000, wide);
    expect(choice.wanted).toBe('main');
  });

  it('tries the way before, harder each time that it carried, and ever more rarely while it does not', () => {
    thin();
    expect(live(7_900, () => ({ estimateBps: 500_000 }))).toEqual([]);
    const probes = live(120_000, () => ({ estimateBps: 500_000 }));
    expect(probes.length).toBeGreaterThan(4);
    expect(probes.length).toBeLessThan(15);
    const gaps = probes.map((at, index) => at - (probes[index - 1] ?? at)).slice(2);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    let estimateBps = 500_000;
    const rates: number[] = [];
    for (const until = now + 40_000; now < until && choice.wanted === 'sub'; now += 40) {
      const { probeBps } = decide({ estimateBps });
      if (probeBps === null) continue;
      rates.push(probeBps);
      estimateBps = Math.max(estimateBps, probeBps);
    }
    expect(rates).toEqual([1_000_000, 2_000_000, 2_750_000]);
    expect(choice.wanted).toBe('main');
  });

  it('does not go to and fro: each main picture that soon was too much is followed by a longer small one', () => {
    const stays: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      live(5_000, () => ({}));
      thin();
      const since = now;
      while (choice.wanted === 'sub') {
        decide();
        now += 40;
      }
      stays.push(now - since);
    }
    for (const [index, ms] of stays.entries()) if (index > 1) expect(ms).toBeGreaterThan(1.5 * Math.min(150_000, stays[index - 1] ?? 0));
    expect(stays.at(-1)).toBeLessThan(310_000);
    // One that lasted has proved itself.
    live(130_000, () => ({}));
    thin();
    live(9_000, () => ({}));
    expect(choice.wanted).toBe('main');
  });

  it('stays where nobody knows what the way carries', () => {
    thin();
    expect(live(60_000, () => ({ estimateBps: null }))).toEqual([]);
    expect(live(60_000, () => ({ mainBps: null }))).toEqual([]);
    expect(choice.wanted).toBe('sub');
  });
});
