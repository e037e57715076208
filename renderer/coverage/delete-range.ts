import type { DeletedRange } from '../../electron/contract/model.ts';
import { byteSize, calendarDay, clockTime, duration } from '../time/words.ts';

/** In one sentence, before it happens. */
export function wouldGo({ from, to, segments, bytes }: DeletedRange, zone: string): string {
  if (segments === 0) return 'No finished recording lies in this time. What is being written now can be deleted in a minute or so.';
  const oneDay = calendarDay(from, zone) === calendarDay(to, zone);
  const begin = `${calendarDay(from, zone)}, ${clockTime(from, zone)}`;
  const end = oneDay ? clockTime(to, zone) : `${calendarDay(to, zone)}, ${clockTime(to, zone)}`;
  const files = segments === 1 ? 'One recording' : `${segments.toLocaleString()} recordings`;
  return `${files}, ${byteSize(bytes)}: ${begin} to ${end} (${duration(to - from)}). They go whole, and cannot be brought back.`;
}
