import { utcMs } from '../base/units.ts';
import type { Gap, GapReason, Span, WeeklySchedule } from '../contract/model.ts';
import { modeAt, nextChange, type WallClock } from '../recording/schedule.ts';
import type { FactRow } from '../storage/interface.ts';
import type { SpoolItem } from '../../peer/session/bulk-messages.ts';

/** Nobody wants this time, or it is no more to be had: everything else that is missing is owed. */
const NOT_OWED: ReadonlySet<GapReason> = new Set<GapReason>([
  'schedule',
  'no-event',
  'deleted-by-retention',
  'deleted-by-person',
  'not-added-yet',
  'recorder-stopped',
  'index-rebuilding',
  'future',
]);
/** Less than this is no footage, milliseconds: so far the clocks of two machines may be apart. */
export const LEAST_MS = 100;
/** No file of a spool is longer or larger, for its length: what says so is not fetched. */
const MAX_ITEM_MS = 3_600_000;
const MAX_ITEM_BYTES = 512 * 1024 * 1024;
const [LEAST_ITEM_BYTES, BYTES_PER_MS] = [8 * 1024 * 1024, 8_000];

/** What is missing and should not be, the newest outage first: what has just happened is what people look for. Gaps side by side are one outage. */
export function owed(gaps: readonly Gap[]): Span[] {
  const outages: Span[] = [];
  for (const { from, to, reason } of gaps) {
    if (NOT_OWED.has(reason) || to <= from) continue;
    const last = outages.at(-1);
    if (last && from <= last.to) outages[outages.length - 1] = { from: last.from, to };
    else outages.push({ from, to });
  }
  return outages.reverse();
}

/**
 * Since when this computer's clock goes as it goes now: the difference to the camera's says nothing of what was before, and footage
 * of then would come under other times. 0 where it was not set.
 */
export function sinceClockSet(facts: readonly FactRow[]): number {
  // Set back, it went on from where the time that came twice begins.
  return Math.max(0, ...facts.filter(({ reason }) => reason === 'clock-set').map(({ start, end, weak }) => (weak ? start : end)));
}

/** Longer than this the schedule is not looked ahead, milliseconds. */
const LOOK_AHEAD_MS = 7 * 86_400_000;

/**
 * Outages without the hours in which nothing was to be recorded: while Keyhole did not run nobody noted that. Hours of events stay whole:
 * nobody looked for any.
 */
export function scheduled(outages: readonly Span[], schedule: WeeklySchedule, clock: WallClock): Span[] {
  if (schedule.periods.length === 0) return schedule.otherwise === 'off' ? [] : [...outages];
  return outages.flatMap((outage) => {
    const parts: Span[] = [];
    for (let at = outage.from; at < outage.to;) {
      const change = nextChange(schedule, at, clock)?.at ?? utcMs(at + LOOK_AHEAD_MS);
      const to = utcMs(Math.min(change, outage.to));
      const last = parts.at(-1);
      if (modeAt(schedule, at, clock) !== 'off') {
        if (last?.to === at) parts[parts.length - 1] = { from: last.from, to };
        else parts.push({ from: at, to });
      }
      at = to;
    }
    return parts.reverse();
  });
}

/** Milliseconds of [from, to) that lie in `spans`, which do not overlap each other. */
export function overlapMs(spans: readonly Span[], from: number, to: number): number {
  return spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0);
}

/** A file of the spool by the app's clock. */
export interface Wanted {
  readonly item: SpoolItem;
  readonly from: number;
  readonly to: number;
}

/**
 * Files that fill `outage`, in order of time. One that brings nothing but what another one brings is left out, and so is one that is
 * no file of a spool: what a camera says costs no more than its outage is worth.
 * @param offsetMs how far the camera's clock is ahead of the app's
 */
export function wantedFor(outage: Span, items: readonly SpoolItem[], offsetMs: number): Wanted[] {
  const wanted: Wanted[] = [];
  let reached = -Infinity;
  const inOrder = items
    .map((item) => ({ item, from: item.start - offsetMs, to: item.end - offsetMs }))
    .filter(({ item, from, to }) => to > from && to - from <= MAX_ITEM_MS && item.bytes <= mostBytes(to - from))
    .sort((a, b) => a.from - b.from || b.to - a.to);
  for (const one of inOrder) {
    const brings = overlapMs([outage], Math.max(one.from, reached), one.to);
    if (brings < LEAST_MS) continue;
    wanted.push(one);
    reached = Math.max(reached, one.to);
  }
  return wanted;
}

function mostBytes(ms: number): number {
  return Math.min(MAX_ITEM_BYTES, Math.max(LEAST_ITEM_BYTES, ms * BYTES_PER_MS));
}
