import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { clocksChange, dayStart, momentsOf, offsetAt, wallTime } from './zone.ts';

const BERLIN = 'Europe/Berlin';
const HOUR = 3_600_000;
const utc = (text: string) => utcMs(Date.parse(text));
const wall = (text: string) => wallTime(utc(`${text}Z`), 'UTC');

describe('wallTime and offsetAt', () => {
  it('follows the zone through summer and winter', () => {
    expect(wallTime(utc('2026-01-15T12:00:00Z'), BERLIN).hour).toBe(13);
    expect(wallTime(utc('2026-07-15T12:00:00Z'), BERLIN).hour).toBe(14);
    expect(offsetAt(utc('2026-01-15T12:00:00.250Z'), BERLIN)).toBe(HOUR);
    expect(offsetAt(utc('2026-07-15T12:00:00Z'), 'Asia/Kathmandu')).toBe(5.75 * HOUR);
    expect(offsetAt(utc('2026-07-15T12:00:00Z'), 'America/St_Johns')).toBe(-2.5 * HOUR);
  });

  it('calls midnight hour 0', () => {
    expect(wallTime(utc('2026-01-14T23:00:00Z'), BERLIN)).toEqual({ year: 2026, month: 1, day: 15, hour: 0, minute: 0, second: 0 });
  });
});

describe('momentsOf', () => {
  it('finds the one moment of an ordinary time', () => {
    expect(momentsOf(wall('2026-11-23T09:30:00'), BERLIN)).toEqual([utc('2026-11-23T08:30:00Z')]);
  });

  it('finds none in the hour that spring skips', () => {
    expect(momentsOf(wall('2026-03-29T02:30:00'), BERLIN)).toEqual([]);
  });

  it('finds both in the hour that autumn repeats, the earlier first', () => {
    expect(momentsOf(wall('2026-10-25T02:30:00'), BERLIN)).toEqual([utc('2026-10-25T00:30:00Z'), utc('2026-10-25T01:30:00Z')]);
  });

  it.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Australia/Lord_Howe', 'Asia/Kolkata'])(
    'comes back to the same wall time in %s',
    (zone) => {
      const at = utc('2026-11-23T17:45:12Z');
      expect(momentsOf(wallTime(at, zone), zone)).toContain(at);
    },
  );
});

describe('dayStart', () => {
  it('is local midnight, also a day with 25 or 23 hours later', () => {
    expect(dayStart(utc('2026-10-25T12:00:00Z'), BERLIN)).toBe(utc('2026-10-24T22:00:00Z'));
    expect(dayStart(utc('2026-10-25T12:00:00Z'), BERLIN, 1)).toBe(utc('2026-10-25T23:00:00Z'));
    expect(dayStart(utc('2026-03-29T12:00:00Z'), BERLIN, 1) - dayStart(utc('2026-03-29T12:00:00Z'), BERLIN)).toBe(23 * HOUR);
  });

  it('counts over the ends of months', () => {
    expect(dayStart(utc('2026-12-31T12:00:00Z'), BERLIN, 1)).toBe(utc('2026-12-31T23:00:00Z'));
  });

  it('is the first moment after a skipped midnight', () => {
    // Beirut's clocks went from 24:00 on March 28 to 01:00 on March 29.
    const start = dayStart(utc('2026-03-29T12:00:00Z'), 'Asia/Beirut');
    expect(wallTime(start, 'Asia/Beirut')).toMatchObject({ day: 29, hour: 1, minute: 0 });
    expect(wallTime(utcMs(start - 1000), 'Asia/Beirut').day).toBe(28);
  });
});

it('knows the days on which clocks change', () => {
  expect(clocksChange(utc('2026-10-25T12:00:00Z'), BERLIN)).toBe(true);
  expect(clocksChange(utc('2026-10-26T12:00:00Z'), BERLIN)).toBe(false);
  expect(clocksChange(utc('2026-10-25T12:00:00Z'), 'UTC')).toBe(false);
});
