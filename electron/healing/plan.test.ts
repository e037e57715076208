import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import type { SpoolItem } from '../../peer/session/bulk-messages.ts';
import { utcMs, type Gap, type GapReason } from '../contract/model.ts';
import { alignment, runsOf } from './insert.ts';
import { wallClock } from '../recording/schedule.ts';
import { LEAST_MS, overlapMs, owed, scheduled, sinceClockSet, wantedFor } from './plan.ts';

const gap = (from: number, to: number, reason: GapReason): Gap => ({ from: utcMs(from), to: utcMs(to), reason, text: '' });
const item = (key: number, start: number, end: number, bytes = 1_000): SpoolItem => ({ key, start, end, bytes });
const span = (from: number, to: number) => ({ from: utcMs(from), to: utcMs(to) });

describe('what is owed', () => {
  it('is all that is missing and that somebody wants, the newest outage first, gaps side by side as one', () => {
    const gaps = [
      gap(0, 10, 'not-added-yet'),
      gap(10, 20, 'session-lost'),
      gap(20, 30, 'app-not-running'),
      gap(30, 40, 'schedule'),
      gap(40, 50, 'clock-set'),
      gap(60, 70, 'deleted-by-retention'),
      gap(80, 90, 'file-lost'),
      gap(90, 99, 'future'),
    ];
    expect(owed(gaps)).toEqual([span(80, 90), span(40, 50), span(10, 30)]);
  });
});

describe('the time that can be healed', () => {
  const fact = (start: number, end: number, reason: GapReason, weak = false) => ({
    start: utcMs(start),
    end: utcMs(end),
    reason,
    text: '',
    weak,
  });

  it('begins when this computer’s clock was set last, forward or back', () => {
    expect(sinceClockSet([])).toBe(0);
    expect(sinceClockSet([fact(10, 90, 'asleep'), fact(20, 50, 'clock-set')])).toBe(50);
    expect(sinceClockSet([fact(20, 50, 'clock-set'), fact(60, 80, 'clock-set', true)])).toBe(60);
  });
});

describe('what is scheduled', () => {
  const HOUR = 3_600_000;
  // A Monday.
  const T0 = Date.UTC(2026, 10, 23);
  const outage = span(T0 + 6 * HOUR, T0 + 30 * HOUR);
  const off = { days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 8 * 60, toMinute: 18 * 60, mode: 'off' } as const;

  it('is the outage without the hours in which nothing was to be recorded', () => {
    const parts = scheduled([outage], { otherwise: 'continuous', periods: [off] }, wallClock('UTC'));
    expect(parts).toEqual([span(T0 + 18 * HOUR, T0 + 30 * HOUR), span(T0 + 6 * HOUR, T0 + 8 * HOUR)]);
  });

  it('is all of it where hours are for events, and none where all is off', () => {
    const events = { ...off, mode: 'events' } as const;
    expect(scheduled([outage], { otherwise: 'continuous', periods: [events] }, wallClock('UTC'))).toEqual([outage]);
    expect(scheduled([outage], { otherwise: 'off', periods: [] }, wallClock('UTC'))).toEqual([]);
    expect(scheduled([outage], { otherwise: 'continuous', periods: [] }, wallClock('UTC'))).toEqual([outage]);
  });
});

describe('what is fetched for an outage', () => {
  it('is files in order of time that bring something, by the clock of the app', () => {
    const outage = span(100_000, 130_000);
    const items = [item(3, 115_500, 130_500), item(1, 85_500, 100_500), item(2, 100_500, 115_500), item(4, 130_500, 145_500)];
    expect(wantedFor(outage, items, 500).map(({ item: { key }, from }) => [key, from])).toEqual([
      [2, 100_000],
      [3, 115_000],
    ]);
  });

  it('is bounded by the outage, whatever is listed: no file twice, none that is too long or too large', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 300; round += 1) {
      const outage = span(1_000_000, 1_000_000 + Math.floor(random() * 600_000));
      const items = Array.from({ length: 200 }, (_, key) => {
        const start = 900_000 + random() * 800_000;
        return item(key, start, start + (random() - 0.2) * (random() < 0.1 ? 1e9 : 60_000), Math.ceil(random() * 2 ** 31));
      });
      const wanted = wantedFor(outage, items, 0);
      expect(wanted.length).toBeLessThanOrEqual((outage.to - outage.from) / LEAST_MS + 1);
      const bytes = wanted.reduce((sum, one) => sum + one.item.bytes, 0);
      expect(bytes).toBeLessThanOrEqual(wanted.length * 512 * 1024 * 1024);
      let reached = -Infinity;
      for (const { from, to, item: one } of wanted) {
        expect(to - from).toBeLessThanOrEqual(3_600_000);
        expect(one.bytes).toBeLessThanOrEqual(Math.max(8 * 1024 * 1024, (to - from) * 8_000));
        expect(to).toBeGreaterThan(reached);
        reached = to;
      }
    }
  });
});

describe('groups of pictures', () => {
  const group = (from: number, to: number) => ({ from, to, offset: 0, bytes: 1 });

  it('that follow each other are written together', () => {
    const groups = [group(0, 10), group(10, 20), group(20, 30), group(30, 40)];
    const missing = [span(12, 20), span(30, 40)];
    const runs = runsOf(groups, ({ from, to }) => overlapMs(missing, from, to) > 5);
    expect(runs).toEqual([[groups[1]], [groups[3]]]);
  });

  it('take their true time from a keyframe that both have, at the beginning or else behind the end', () => {
    const recorded = (at: number) => [{ keyframes: [{ at: utcMs(at), offset: 0, bytes: 1 }] }];
    expect(alignment([group(1_000, 3_000)], recorded(1_080))).toBe(80);
    expect(alignment([group(1_000, 3_000)], recorded(2_940))).toBe(-60);
    expect(alignment([group(1_000, 3_000)], recorded(1_400))).toBe(0);
    expect(alignment([group(1_000, 3_000)], [...recorded(1_080), ...recorded(990)])).toBe(-10);
  });
});
