import type { WallTime } from './zone.ts';

const two = (value: number) => String(value).padStart(2, '0');

/** The value of a `datetime-local` input. */
export function localInput({ year, month, day, hour, minute, second }: WallTime): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
}

/** Undefined when the input is empty or not finished. */
export function parseLocalInput(value: string): WallTime | undefined {
  const match = /^(\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?/.exec(value);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return { year, month, day, hour, minute, second };
}
