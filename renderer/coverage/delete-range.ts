import type { DeletedRange, Span } from '../../electron/contract/model.ts';
import { parseLocalInput } from '../time/local-input.ts';
import { byteSize, calendarDay, clockTime, duration } from '../time/words.ts';
import { momentsOf } from '../time/zone.ts';

/** The range that is typed, or what is wrong with it. A time that clocks show twice means all of both. */
export function readRange(start: string, end: string, zone: string): Span | { readonly error: string } {
  const [first, last] = [parseLocalInput(start), parseLocalInput(end)];
  if (!first || !last) return { error: 'Choose the date and time at which it begins, and at which it ends.' };
  const from = momentsOf(first, zone)[0];
  const to = momentsOf(last, zone).at(-1);
  if (from === undefined || to === undefined) return { error: 'The clocks skipped this time that day. Choose another.' };
  if (to <= from) return { error: 'The end must be later than the beginning.' };
  return { from, to };
}

/** In one sentence, before it happens. */
export function wouldGo({ from, to, segments, bytes }: DeletedRange, zone: string): string {
  if (segments === 0) return 'No finished recording lies in this time. What is being written now can be deleted in a minute or so.';
  const oneDay = calendarDay(from, zone) === calendarDay(to, zone);
  const begin = `${calendarDay(from, zone)}, ${clockTime(from, zone)}`;
  const end = oneDay ? clockTime(to, zone) : `${calendarDay(to, zone)}, ${clockTime(to, zone)}`;
  const files = segments === 1 ? 'One recording' : `${segments.toLocaleString()} recordings`;
  return `${files}, ${byteSize(bytes)}: ${begin} to ${end} (${duration(to - from)}). They go whole, and cannot be brought back.`;
}
