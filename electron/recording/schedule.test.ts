import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { RecordingMode, SchedulePeriod, WeeklySchedule } from '../contract/model.ts';
import { modeAt, nextChange, wallClock } from './schedule.ts';

const berlin = wallClock('Europe/Berlin');
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const at = (iso: string): UtcMs => utcMs(Date.parse(iso));
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const period = (days: readonly number[], from: string, to: string, mode: RecordingMode): SchedulePeriod => ({
  days,
  fromMinute: minutes(from),
  toMinute: minutes(to),
  mode,
});
const schedule = (otherwise: RecordingMode, ...periods: SchedulePeriod[]): WeeklySchedule => ({ otherwise, periods });
const changes = (of: WeeklySchedule, from: string, count: number, clock = berlin): [string, RecordingMode][] => {
  const found: [string, RecordingMode][] = [];
  for (let moment = at(from); found.length < count;) {
    const next = nextChange(of, moment, clock);
    if (!next) break;
    found.push([new Date(next.at).toISOString().slice(0, 16), next.mode]);
    moment = next.at;
  }
  return found;
};

describe('the weekly schedule', () => {
  it('says the mode of the first period that holds the moment, by the wall clock', () => {
    // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC.
    const of = schedule('off', period([0], '08:00', '12:00', 'events'), period([0], '10:00', '18:00', 'continuous'));
    const mode = (iso: string) => modeAt(of, at(iso), berlin);
    expect(mode('2026-11-23T06:59:59.999Z')).toBe('off');
    expect(mode('2026-11-23T07:00:00.000Z')).toBe('events');
    expect(mode('2026-11-23T10:30:00.000Z')).toBe('events');
    expect(mode('2026-11-23T11:00:00.000Z')).toBe('continuous');
    expect(mode('2026-11-23T17:00:00.000Z')).toBe('off');
    expect(mode('2026-11-24T09:30:00.000Z')).toBe('off');
  });

  it('lets a period last over midnight into a day that it does not name', () => {
    const of = schedule('continuous', period([4], '22:00', '06:00', 'off'));
    expect(changes(of, '2026-11-23T00:00:00Z', 3)).toEqual([
      ['2026-11-27T21:00', 'off'],
      ['2026-11-28T05:00', 'continuous'],
      ['2026-12-04T21:00', 'off'],
    ]);
    const sunday = schedule('continuous', period([6], '23:30', '23:30', 'events'));
    expect(modeAt(sunday, at('2026-11-30T22:29:00Z'), berlin)).toBe('events');
    expect(modeAt(sunday, at('2026-11-30T22:30:00Z'), berlin)).toBe('continuous');
    expect(changes(schedule('off', period([0], '12:00', '24:00', 'events')), '2026-11-23T00:00:00Z', 2)).toEqual([
      ['2026-11-23T11:00', 'events'],
      ['2026-11-23T23:00', 'off'],
    ]);
  });

  it('is in a period twice when the clock shows its hour twice, and leaves out what the clock leaves out', () => {
    const of = schedule('off', period(EVERY_DAY, '02:15', '02:45', 'events'));
    // Back from 03:00 to 02:00 at 01:00 UTC.
    expect(changes(of, '2026-10-24T23:00:00Z', 5)).toEqual([
      ['2026-10-25T00:15', 'events'],
      ['2026-10-25T00:45', 'off'],
      ['2026-10-25T01:15', 'events'],
      ['2026-10-25T01:45', 'off'],
      ['2026-10-26T01:15', 'events'],
    ]);
    // Forward from 02:00 to 03:00 at 01:00 UTC.
    expect(changes(of, '2026-03-28T23:00:00Z', 1)).toEqual([['2026-03-30T00:15', 'events']]);
    const until = schedule('off', period(EVERY_DAY, '02:30', '04:00', 'events'));
    expect(changes(until, '2026-03-28T23:00:00Z', 2)).toEqual([
      ['2026-03-29T01:00', 'events'],
      ['2026-03-29T02:00', 'off'],
    ]);
  });

  it('knows zones that are not whole hours from UTC, and change by half an hour', () => {
    const nepal = wallClock('Asia/Kathmandu');
    const of = schedule('off', period([0], '08:00', '08:05', 'continuous'));
    expect(changes(of, '2026-11-23T00:00:00Z', 2, nepal)).toEqual([
      ['2026-11-23T02:15', 'continuous'],
      ['2026-11-23T02:20', 'off'],
    ]);
    const lordHowe = wallClock('Australia/Lord_Howe');
    // Back from 02:00 to 01:30 at 15:00 UTC of the day before.
    const half = schedule('off', period(EVERY_DAY, '01:40', '01:50', 'events'));
    expect(changes(half, '2026-04-04T14:00:00Z', 4, lordHowe).map(([time]) => time)).toEqual([
      '2026-04-04T14:40',
      '2026-04-04T14:50',
      '2026-04-04T15:10',
      '2026-04-04T15:20',
    ]);
  });

  it('says the next change exactly as looking at each minute would', () => {
    const random = seededRandom(7);
    const below = (limit: number) => Math.floor(random() * limit);
    const modes: readonly RecordingMode[] = ['continuous', 'events', 'off'];
    for (let round = 0; round < 12; round += 1) {
      const periods = Array.from({ length: 1 + below(4) }, () => ({
        days: EVERY_DAY.filter(() => below(3) > 0)
          .concat(below(7))
          .filter((day, index, all) => all.indexOf(day) === index),
        fromMinute: below(1440),
        toMinute: 1 + below(1440),
        mode: modes[below(3)] ?? 'off',
      }));
      const of = schedule(modes[below(3)] ?? 'off', ...periods);
      const from = at('2026-10-24T12:00:00Z') + below(3 * 1440) * 60_000 + below(60_000);
      const now = modeAt(of, utcMs(from), berlin);
      let expected: number | null = null;
      for (let minute = Math.floor(from / 60_000) + 1; minute < from / 60_000 + 2 * 1440; minute += 1) {
        if (modeAt(of, utcMs(minute * 60_000), berlin) === now) continue;
        expected = minute * 60_000;
        break;
      }
      const found = nextChange(of, utcMs(from), berlin);
      if (expected === null) expect(found === null || found.at >= from + 2 * 1440 * 60_000 - 60_000).toBe(true);
      else expect(found).toEqual({ at: expected, mode: modeAt(of, utcMs(expected), berlin) });
    }
  });

  it('never changes when it says one thing only', () => {
    expect(nextChange(schedule('events'), at('2026-11-23T00:00:00Z'), berlin)).toBeNull();
    expect(nextChange(schedule('off', period(EVERY_DAY, '08:00', '09:00', 'off')), at('2026-11-23T00:00:00Z'), berlin)).toBeNull();
  });
});
