import { utcMs, type UtcMs } from '../base/units.ts';
import type { RecordingMode, SchedulePeriod, WeeklySchedule } from '../contract/model.ts';

/** What the clock on the wall shows. */
export interface WallTime {
  /** 0 Monday … 6 Sunday. */
  readonly day: number;
  /** Minute of the day, 0..1439. */
  readonly minute: number;
}

export type WallClock = (at: UtcMs) => WallTime;

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
/** Clocks are put forward and back at quarters of an hour of UTC: within one, the wall clock simply runs. */
const STEP_MINUTES = 15;
/** A week, and the day on which it is an hour longer. */
const LOOKED_AHEAD_MINUTES = 8 * DAY_MINUTES;

/** The wall clock of a time zone by its IANA name; of this machine when left out. */
export function wallClock(zone?: string): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (at) => {
    const parts = format.formatToParts(at);
    const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? '';
    return { day: Math.max(0, DAYS.indexOf(of('weekday'))), minute: Number(of('hour')) * 60 + Number(of('minute')) };
  };
}

/**
 * The mode at a moment: that of the first period that holds what the wall clock shows then. An hour that the clock shows twice is
 * in the period twice; one that it leaves out is not there.
 */
export function modeAt(schedule: WeeklySchedule, at: UtcMs, clock: WallClock): RecordingMode {
  return modeOf(schedule, clock(at));
}

/** When the mode is another one next, to the minute, and which; null when it stays for the coming week. */
export function nextChange(schedule: WeeklySchedule, at: UtcMs, clock: WallClock): { at: UtcMs; mode: RecordingMode } | null {
  if (schedule.periods.length === 0) return null;
  const now = modeAt(schedule, at, clock);
  const edges = edgesOf(schedule);
  const firstMinute = Math.floor(at / MINUTE_MS);
  const firstStep = Math.floor(firstMinute / STEP_MINUTES) * STEP_MINUTES;
  for (let step = firstStep; step <= firstStep + LOOKED_AHEAD_MINUTES; step += STEP_MINUTES) {
    const { day, minute } = clock(utcMs(step * MINUTE_MS));
    // The first minute always: the clock may have been put forward or back right there.
    const inside = edges.map((edge) => (edge - minute + DAY_MINUTES) % DAY_MINUTES).filter((ahead) => ahead > 0 && ahead < STEP_MINUTES);
    for (const ahead of [0, ...inside.sort((a, b) => a - b)]) {
      if (step + ahead <= firstMinute) continue;
      const total = minute + ahead;
      const mode = modeOf(schedule, { day: (day + Math.floor(total / DAY_MINUTES)) % 7, minute: total % DAY_MINUTES });
      if (mode !== now) return { at: utcMs((step + ahead) * MINUTE_MS), mode };
    }
  }
  return null;
}

function modeOf({ periods, otherwise }: WeeklySchedule, wall: WallTime): RecordingMode {
  return periods.find((period) => holds(period, wall))?.mode ?? otherwise;
}

function holds({ days, fromMinute, toMinute }: SchedulePeriod, { day, minute }: WallTime): boolean {
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
  return (days.includes(day) && minute >= fromMinute) || (days.includes((day + 6) % 7) && minute < toMinute);
}

/** Minutes of the day at which the mode may change. */
function edgesOf({ periods }: WeeklySchedule): readonly number[] {
  return [...new Set([0, ...periods.flatMap(({ fromMinute, toMinute }) => [fromMinute, toMinute % DAY_MINUTES])])];
}
