import type { RecordingMode, SchedulePeriod, WeeklySchedule } from '../../electron/contract/model.ts';

/** Mode of each hour of each day, Monday first. */
export type WeekGrid = readonly (readonly RecordingMode[])[];

export const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
export const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const MODES: readonly RecordingMode[] = ['continuous', 'events', 'off'];
const MAX_PERIODS = 50;
const DAY_MINUTES = 1440;

/** The schedule by the hour: of an hour with several modes, the one it begins with. */
export function gridOf(schedule: WeeklySchedule): WeekGrid {
  return DAYS.map((_, day) => HOURS.map((hour) => modeAt(schedule, day, hour * 60)));
}

/** Whether the grid says all there is: no period begins or ends within an hour. */
export const isWholeHours = ({ periods }: WeeklySchedule): boolean =>
  periods.every(({ fromMinute, toMinute }) => fromMinute % 60 === 0 && toMinute % 60 === 0);

/** A schedule that says what the grid does, in as few words as it can. */
export function scheduleOf(grid: WeekGrid): WeeklySchedule {
  const otherwise = mostCommon(grid);
  const runs = periodsOf(grid, otherwise, (hour, mode, row) => {
    let end = hour + 1;
    while (end < 24 && row[end] === mode) end += 1;
    return end;
  });
  // A wild pattern is said hour by hour: that is 48 periods at most.
  return { otherwise, periods: runs.length <= MAX_PERIODS ? runs : periodsOf(grid, otherwise, (hour) => hour + 1) };
}

/** The grid with these cells in that mode. */
export function painted(grid: WeekGrid, cells: readonly (readonly [day: number, hour: number])[], mode: RecordingMode): WeekGrid {
  const wanted = new Set(cells.map(([day, hour]) => day * 24 + hour));
  return grid.map((row, day) => row.map((was, hour) => (wanted.has(day * 24 + hour) ? mode : was)));
}

/** All cells of the rectangle with these corners. */
export function rectangle(a: readonly [number, number], b: readonly [number, number]): [day: number, hour: number][] {
  const cells: [number, number][] = [];
  for (let day = Math.min(a[0], b[0]); day <= Math.max(a[0], b[0]); day += 1)
    for (let hour = Math.min(a[1], b[1]); hour <= Math.max(a[1], b[1]); hour += 1) cells.push([day, hour]);
  return cells;
}

export const sameGrid = (a: WeekGrid, b: WeekGrid): boolean => a.every((row, day) => row.every((mode, hour) => mode === b[day]?.[hour]));

const whole = (mode: (day: number, hour: number) => RecordingMode): WeekGrid => DAYS.map((_, day) => HOURS.map((hour) => mode(day, hour)));

export const PRESETS: readonly { readonly name: string; readonly grid: WeekGrid }[] = [
  { name: 'Always', grid: whole(() => 'continuous') },
  { name: 'Events', grid: whole(() => 'events') },
  { name: 'Nights', grid: whole((_, hour) => (hour >= 20 || hour < 6 ? 'continuous' : 'events')) },
  { name: 'Working hours', grid: whole((day, hour) => (day < 5 && hour >= 8 && hour < 18 ? 'continuous' : 'off')) },
  { name: 'Off', grid: whole(() => 'off') },
];

function modeAt({ periods, otherwise }: WeeklySchedule, day: number, minute: number): RecordingMode {
  const found = periods.find(({ days, fromMinute, toMinute }) =>
    fromMinute < toMinute
      ? days.includes(day) && minute >= fromMinute && minute < toMinute
      : (days.includes(day) && minute >= fromMinute) || (days.includes((day + 6) % 7) && minute < toMinute),
  );
  return found?.mode ?? otherwise;
}

function mostCommon(grid: WeekGrid): RecordingMode {
  const all = grid.flat();
  const count = (mode: RecordingMode) => all.filter((other) => other === mode).length;
  return MODES.reduce((best, mode) => (count(mode) > count(best) ? mode : best));
}

function periodsOf(
  grid: WeekGrid,
  otherwise: RecordingMode,
  endOf: (hour: number, mode: RecordingMode, row: readonly RecordingMode[]) => number,
): SchedulePeriod[] {
  const periods = new Map<string, { days: number[]; fromMinute: number; toMinute: number; mode: RecordingMode }>();
  for (const [day, row] of grid.entries())
    for (let hour = 0; hour < 24;) {
      const mode = row[hour] ?? otherwise;
      const end = mode === otherwise ? hour + 1 : endOf(hour, mode, row);
      if (mode !== otherwise) {
        const key = `${hour} ${end} ${mode}`;
        const period = periods.get(key) ?? { days: [], fromMinute: hour * 60, toMinute: Math.min(end * 60, DAY_MINUTES), mode };
        period.days.push(day);
        periods.set(key, period);
      }
      hour = end;
    }
  return [...periods.values()];
}
