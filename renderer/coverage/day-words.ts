import type { DayCoverage, GapReason } from '../../electron/contract/model.ts';
import { calendarDate, duration } from '../time/words.ts';
import { kindOf, reasonWords, type ReasonKind } from '../video/reason-words.ts';

/** What the page says of one day. */
export interface DayWords {
  /** Of what should be recorded, 0..1; null where nothing should be. */
  readonly share: number | null;
  /** `99.9`, `100`, `–`: 100 is said only of what is whole. */
  readonly percent: string;
  readonly title: string;
  readonly headline: string;
  readonly reasons: readonly { readonly kind: ReasonKind; readonly words: string; readonly length: string }[];
  /** Something failed for long enough to be said. */
  readonly failed: boolean;
}

/** Shorter failures are not pointed at; they are in the list. */
const WORTH_A_MARK_MS = 60_000;
/** What is missing of a whole day when all is well: nothing that anybody would see. */
const NOTHING_MS = 1_000;
const MAX_REASONS = 6;

export function dayWords(day: DayCoverage, zone: string): DayWords {
  const missing = day.missing.map(({ reason, ms }) => ({ reason: reason as GapReason, ms }));
  const kindMs = (kind: ReasonKind) => missing.filter(({ reason }) => kindOf(reason) === kind).reduce((sum, { ms }) => sum + ms, 0);
  const owed = day.owedMs - kindMs('not-owed');
  const share = owed > NOTHING_MS ? day.recordedMs / owed : null;
  const shown = missing.filter(({ ms }) => ms >= 500);
  const rest = shown.slice(MAX_REASONS);
  const reasons = shown
    .slice(0, MAX_REASONS)
    .map(({ reason, ms }) => ({ kind: kindOf(reason), words: reasonWords(reason), length: duration(ms) }));
  if (rest.length > 0) {
    const ms = rest.reduce((sum, one) => sum + one.ms, 0);
    reasons.push({ kind: 'none', words: `${rest.length} other reasons`, length: duration(ms) });
  }
  const percent = percentOf(share, owed - day.recordedMs);
  return {
    share,
    percent,
    title: calendarDate(day.from, zone),
    headline: headline(day, percent, share),
    reasons,
    failed: kindMs('failure') >= WORTH_A_MARK_MS,
  };
}

/** All days together: what is not whole is never rounded up to it. */
export function overall(days: readonly DayCoverage[]): string {
  let [recorded, owed] = [0, 0];
  for (const day of days) {
    const notOwed = day.missing.filter(({ reason }) => kindOf(reason as GapReason) === 'not-owed').reduce((sum, { ms }) => sum + ms, 0);
    recorded += day.recordedMs;
    owed += day.owedMs - notOwed;
  }
  return percentOf(owed > NOTHING_MS ? recorded / owed : null, owed - recorded);
}

/** For who does not see the strip: all of it in one sentence. */
export function spoken({ title, headline: said, reasons }: DayWords): string {
  const list = reasons.map(({ words, length }) => `${words}, ${length}`).join('; ');
  return `${title}: ${said}${list ? ` Not recorded: ${list}.` : ''}`;
}

function headline(day: DayCoverage, percent: string, share: number | null): string {
  if (day.owedMs <= NOTHING_MS) return 'The camera was not there yet.';
  if (share === null) return 'Nothing was meant to be recorded.';
  const healed = day.healedMs >= 500 ? `, ${duration(day.healedMs)} of it fetched later` : '';
  return `${percent} % recorded: ${duration(day.recordedMs)}${healed}.`;
}

function percentOf(share: number | null, missingMs: number): string {
  if (share === null) return '–';
  if (missingMs < NOTHING_MS) return '100';
  const percent = Math.min(99.9, Math.floor(share * 1000) / 10);
  if (percent === 0 && share > 0) return '<0.1';
  return percent < 99 ? String(Math.floor(percent)) : percent.toFixed(1);
}
