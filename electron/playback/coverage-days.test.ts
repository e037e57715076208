import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { utcMs } from '../base/units.ts';
import { daysOf, perDay } from './coverage-days.ts';

const HOUR = 3_600_000;
const BERLIN = 'Europe/Berlin';

describe('days', () => {
  it('are those of the calendar: 25 hours when clocks go back, 23 when they go forward', () => {
    const autumn = daysOf(utcMs(Date.UTC(2026, 9, 26, 12)), 3, BERLIN);
    expect(autumn.slice(1).map((to, i) => (to - (autumn[i] ?? 0)) / HOUR)).toEqual([24, 25, 24]);
    expect(autumn[0]).toBe(Date.UTC(2026, 9, 23, 22));
    const spring = daysOf(utcMs(Date.UTC(2026, 2, 29, 21, 59)), 2, BERLIN);
    expect(spring.slice(1).map((to, i) => (to - (spring[i] ?? 0)) / HOUR)).toEqual([24, 23]);
    // The last one is today, whole.
    expect(spring.at(-1)).toBe(Date.UTC(2026, 2, 29, 22));
  });

  it('of a zone that nobody knows are refused with what would be one', () => {
    expect(() => daysOf(utcMs(0), 1, 'Mars/Olympus')).toThrow(/Mars\/Olympus.*Europe\/Berlin/);
  });
});

describe('sums by day', () => {
  it('share what lies over midnight, longest reason first', () => {
    const borders = [0, 100, 200].map((at) => utcMs(at));
    const piece = (from: number, to: number, reason: 'schedule' | 'asleep' | 'future', owed = true) => ({
      from,
      to,
      reason,
      text: '',
      owed,
    });
    const spans = [{ from: utcMs(50), to: utcMs(150) }];
    const pieces = [piece(0, 20, 'schedule'), piece(20, 50, 'asleep'), piece(150, 160, 'schedule'), piece(160, 200, 'future', false)];
    expect(perDay(borders, { spans, healed: [{ from: utcMs(90), to: utcMs(120) }], pieces })).toEqual([
      {
        from: 0,
        to: 100,
        owedMs: 100,
        recordedMs: 50,
        healedMs: 10,
        missing: [
          { reason: 'asleep', ms: 30 },
          { reason: 'schedule', ms: 20 },
        ],
      },
      { from: 100, to: 200, owedMs: 60, recordedMs: 50, healedMs: 20, missing: [{ reason: 'schedule', ms: 10 }] },
    ]);
  });

  it('lose no millisecond, whatever the ranges and the days', () => {
    const share = seededRandom(11);
    for (let round = 0; round < 25; round++) {
      const days = 1 + Math.floor(share() * 400);
      const borders = daysOf(utcMs(Date.UTC(2026, 10, 23) + Math.floor(share() * 400 * 24 * HOUR)), days, BERLIN);
      const [from, to] = [borders[0] ?? 0, borders.at(-1) ?? 0];
      const cuts = Array.from({ length: 40 }, () => from + Math.floor(share() * (to - from))).sort((a, b) => a - b);
      const edges = [from, ...cuts, to];
      const ranges = edges
        .slice(1)
        .map((end, i) => ({ from: edges[i] ?? 0, to: end }))
        .filter((range) => range.to > range.from);
      const spans = ranges.filter((_, i) => i % 2 === 0).map((range) => ({ from: utcMs(range.from), to: utcMs(range.to) }));
      const pieces = ranges
        .filter((_, i) => i % 2 === 1)
        .map((range, i) => ({ ...range, reason: i % 3 === 0 ? ('asleep' as const) : ('disk-full' as const), text: '', owed: true }));
      const sums = perDay(borders, { spans, healed: [], pieces });
      for (const day of sums) {
        expect(day.owedMs).toBe(day.to - day.from);
        expect(day.missing.reduce((sum, { ms }) => sum + ms, day.recordedMs)).toBe(day.owedMs);
      }
    }
  });
});
