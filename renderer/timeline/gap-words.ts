import type { Gap, GapReason, Recordings, UtcMs } from '../../electron/contract/model.ts';
import { calendarDay, clockTime } from '../time/words.ts';
import { kindOf, kindWords, type ReasonKind } from '../video/reason-words.ts';

/** What is at a time. */
export type Moment = { readonly kind: 'recorded'; readonly healed: boolean } | { readonly kind: 'gap'; readonly gap: Gap };

export function momentAt(recordings: Recordings, at: UtcMs): Moment | null {
  const holds = ({ from, to }: { from: number; to: number }) => from <= at && at < to;
  if (recordings.spans.some(holds)) return { kind: 'recorded', healed: recordings.healed.some(holds) };
  const gap = recordings.gaps.find(holds);
  return gap ? { kind: 'gap', gap } : null;
}

/** In words: `Recorded.`, or why not. */
export function momentWords(recordings: Recordings, at: UtcMs): string {
  const moment = momentAt(recordings, at);
  // The ledger leaves out no moment: what is in neither list was not asked for yet.
  if (!moment) return 'Not known yet.';
  if (moment.kind === 'gap') return moment.gap.text;
  return moment.healed ? 'Recorded, fetched from the camera later.' : 'Recorded.';
}

/** The gaps of the visible range for those who do not see it: at most `limit`, the longest. */
export function gapList(recordings: Recordings, from: UtcMs, to: UtcMs, zone: string, limit = 12): string[] {
  const day = (at: UtcMs) => calendarDay(at, zone);
  // Where all of it is of one day, the timeline's own words say which.
  const oneDay = (gap: Gap) => [gap.from, gap.to, to].every((at) => day(at) === day(from));
  const moment = (at: UtcMs, bare: boolean) => (bare ? clockTime(at, zone) : `${day(at)}, ${clockTime(at, zone)}`);
  const visible = (gap: Gap) => gap.to > from && gap.from < to && gap.reason !== 'future';
  return recordings.gaps
    .filter(visible)
    .sort((a, b) => b.to - b.from - (a.to - a.from))
    .slice(0, limit)
    .sort((a, b) => a.from - b.from)
    .map((gap) => `${moment(gap.from, oneDay(gap))} to ${moment(gap.to, oneDay(gap))}: ${gap.text}`);
}

export interface LegendEntry {
  readonly kind: Exclude<ReasonKind, 'none'> | 'healed';
  readonly words: string;
}

/** What the timeline shows in the range, for its legend: only what is there to be seen, in words that are true of all of it. */
export function legend(recordings: Recordings, from: UtcMs, to: UtcMs): LegendEntry[] {
  const seen = new Map<ReasonKind, Set<GapReason>>();
  for (const { from: start, to: end, reason } of recordings.gaps) {
    if (end <= from || start >= to) continue;
    const kind = kindOf(reason);
    seen.set(kind, (seen.get(kind) ?? new Set()).add(reason));
  }
  const entries: LegendEntry[] = [];
  if (recordings.healed.some((span) => span.to > from && span.from < to)) entries.push({ kind: 'healed', words: 'Fetched later' });
  for (const kind of ['failure', 'away', 'not-owed', 'deleted'] as const) {
    const reasons = seen.get(kind);
    if (reasons) entries.push({ kind, words: kindWords(kind, reasons) });
  }
  return entries;
}
