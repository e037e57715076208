/* Wall clocks and calendars of a time zone: the page draws by them, and the engine sums up days. */

import { utcMs, type UtcMs } from '../base/units.ts';

/** A moment as a wall clock and a calendar show it in some time zone. `month` is 1..12. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const DAY_MS = 86_400_000;
/** Wall clocks are never further than this from UTC. */
const MAX_OFFSET_MS = 16 * 3_600_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, made);
  return made;
}

export function wallTime(at: UtcMs, zone: string): WallTime {
  const parts: Record<string, number> = {};
  for (const { type, value } of format(zone).formatToParts(at)) if (type !== 'literal') parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return { year, month, day, hour, minute, second };
}

/** Milliseconds the zone's clocks are ahead of UTC at that moment. */
export function offsetAt(at: UtcMs, zone: string): number {
  const whole = utcMs(Math.floor(at / 1000) * 1000);
  return asUtc(wallTime(whole, zone)) - whole;
}

/**
 * The moments at which the zone's clocks show `wall`: usually one; none when the clocks skip it in spring, two when
 * they show it again in autumn, the earlier first.
 */
export function momentsOf(wall: WallTime, zone: string): UtcMs[] {
  const naive = asUtc(wall);
  const offsets = new Set([-MAX_OFFSET_MS, 0, MAX_OFFSET_MS].map((shift) => offsetAt(utcMs(naive + shift), zone)));
  return [...offsets]
    .map((offset) => utcMs(naive - offset))
    .filter((at) => offsetAt(at, zone) === naive - at)
    .sort((a, b) => a - b);
}

/** The first moment of the zone's calendar day that holds `at`, shifted by `days` calendar days. */
export function dayStart(at: UtcMs, zone: string, days = 0): UtcMs {
  const { year, month, day } = wallTime(at, zone);
  const midnight = { ...wallTime(utcMs(Date.UTC(year, month - 1, day + days)), 'UTC') };
  const first = momentsOf(midnight, zone)[0];
  if (first !== undefined) return first;
  // Where clocks skip midnight itself the day begins with the first moment after the skip.
  const naive = asUtc(midnight);
  return utcMs(naive - offsetAt(utcMs(naive - DAY_MS / 2), zone));
}

/** Whether the zone's clocks change during the calendar day that holds `at`, so that a bare time may be ambiguous. */
export function clocksChange(at: UtcMs, zone: string): boolean {
  return offsetAt(dayStart(at, zone), zone) !== offsetAt(dayStart(at, zone, 1), zone);
}

function asUtc({ year, month, day, hour, minute, second }: WallTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
