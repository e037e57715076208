import type { UtcMs } from '../../electron/contract/model.ts';
import { clocksChange, wallTime } from './zone.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

function formatted(at: UtcMs, zone: string, options: Intl.DateTimeFormatOptions): string {
  const key = zone + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(undefined, { timeZone: zone, ...options });
    formats.set(key, format);
  }
  return format.format(at);
}

/** The zone's short name is said only on days on which a bare time could mean two moments. */
const zoneName = (at: UtcMs, zone: string): Intl.DateTimeFormatOptions => (clocksChange(at, zone) ? { timeZoneName: 'short' } : {});

/** `9:05 AM`, but `09:05`: as the language has it. */
const HOUR = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hour12 ? 'numeric' : '2-digit';

export const clockTime = (at: UtcMs, zone: string): string =>
  formatted(at, zone, { hour: HOUR, minute: '2-digit', second: '2-digit', ...zoneName(at, zone) });

export const clockMinutes = (at: UtcMs, zone: string): string => formatted(at, zone, { hour: HOUR, minute: '2-digit' });

/** With milliseconds, for single frames. */
export const clockExact = (at: UtcMs, zone: string): string =>
  formatted(at, zone, { hour: HOUR, minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, ...zoneName(at, zone) });

export const calendarDay = (at: UtcMs, zone: string): string => formatted(at, zone, { weekday: 'short', day: 'numeric', month: 'short' });

export const calendarDate = (at: UtcMs, zone: string): string =>
  formatted(at, zone, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** `26`, but `Dec` for the first of a month: for narrow columns. */
export function dayNumber(at: UtcMs, zone: string): string {
  const first = wallTime(at, zone).day === 1;
  return formatted(at, zone, first ? { month: 'short' } : { day: 'numeric' });
}

/** `3 s`, `2 min 5 s`, `1 h 3 min`, `2 days`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** `1.2 GB`; decimal units, as disks are sold. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
