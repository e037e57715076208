import { utcMs, type UtcMs } from '../../electron/contract/model.ts';
import { calendarDay, clockMinutes, clockTime } from '../time/words.ts';
import { dayStart, momentsOf, offsetAt, wallTime } from '../time/zone.ts';
import { msPerPixel, type View } from './scale.ts';

export interface Tick {
  readonly at: UtcMs;
  readonly label: string;
  /** Midnight: drawn stronger, labelled with the day. */
  readonly day: boolean;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  100,
  200,
  500,
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
] as const;

/** The smallest round step whose labels are at least `minPixels` apart, in milliseconds. */
export function tickStep(view: View, minPixels = 88): number {
  const least = minPixels * msPerPixel(view);
  return STEPS.find((step) => step >= least) ?? DAY;
}

/**
 * Ticks of a view by the wall clock of `zone`. Steps below an hour are counted from the zone's offset; from an hour up the
 * wall clock's own hours are used, so that a day on which clocks change has 23 or 25 of them, each labelled as clocks show it.
 */
export function ticks(view: View, zone: string, step = tickStep(view)): Tick[] {
  const moments = step < HOUR ? smallSteps(view, zone, step) : wallHours(view, zone, step / HOUR);
  return moments.map((at) => {
    const { hour, minute, second } = wallTime(at, zone);
    const day = hour === 0 && minute === 0 && second === 0 && at % SECOND === 0;
    return { at, day, label: day ? calendarDay(at, zone) : label(at, zone, step) };
  });
}

function label(at: UtcMs, zone: string, step: number): string {
  if (step >= MINUTE) return clockMinutes(at, zone);
  if (step >= SECOND) return clockTime(at, zone);
  const { second } = wallTime(at, zone);
  return `${second}.${Math.floor((((at % SECOND) + SECOND) % SECOND) / 100)} s`;
}

function smallSteps(view: View, zone: string, step: number): UtcMs[] {
  // Half-hour and 45-minute zones: the step is counted on the wall clock, not in UTC.
  const offset = offsetAt(view.from, zone);
  const first = Math.ceil((view.from + offset) / step) * step - offset;
  const found: UtcMs[] = [];
  for (let at = first; at <= view.to; at += step) found.push(utcMs(at));
  return found;
}

function wallHours(view: View, zone: string, hours: number): UtcMs[] {
  const found: UtcMs[] = [];
  for (let day = dayStart(view.from, zone); day <= view.to; day = dayStart(day, zone, 1)) {
    const date = wallTime(day, zone);
    for (let hour = 0; hour < 24; hour += hours) {
      const moments = hour === 0 ? [day] : momentsOf({ ...date, hour, minute: 0, second: 0 }, zone);
      // An hour that comes twice is two ticks only where every hour has one.
      for (const at of hours === 1 ? moments : moments.slice(0, 1)) if (at >= view.from && at <= view.to) found.push(at);
    }
  }
  return found;
}
