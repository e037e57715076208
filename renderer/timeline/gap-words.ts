import type { Gap, Recordings, UtcMs } from '../../electron/contract/model.ts';
import { clockTime } from '../time/words.ts';

/** What is at a time, in words: `Recorded.`, or why not. */
export function momentWords(recordings: Recordings, at: UtcMs): string {
  if (recordings.spans.some((span) => span.from <= at && at < span.to)) return 'Recorded.';
  const gap = recordings.gaps.find((one) => one.from <= at && at < one.to);
  return gap ? gap.text : 'Not recorded.';
}

/** The gaps of the visible range for those who do not see it: at most `limit`, the longest. */
export function gapList(recordings: Recordings, from: UtcMs, to: UtcMs, zone: string, limit = 12): string[] {
  const visible = (gap: Gap) => gap.to > from && gap.from < to && gap.reason !== 'future';
  return recordings.gaps
    .filter(visible)
    .sort((a, b) => b.to - b.from - (a.to - a.from))
    .slice(0, limit)
    .sort((a, b) => a.from - b.from)
    .map((gap) => `${clockTime(gap.from, zone)} to ${clockTime(gap.to, zone)}: ${gap.text}`);
}
