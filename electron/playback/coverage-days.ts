import { CodedError } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';
import type { DayCoverage } from '../contract/model.ts';
import { dayStart } from '../contract/zone.ts';
import type { Range } from './ranges.ts';
import type { Tiled } from './recordings.ts';

/** Borders of the last `days` calendar days of the zone, today's among them: one more than there are days. Throws `bad-request`. */
export function daysOf(now: UtcMs, days: number, timeZone: string): UtcMs[] {
  try {
    // Each from the last: where clocks change a day has 23 or 25 hours.
    return Array.from({ length: days + 1 }, (_, i) => dayStart(now, timeZone, i - days + 1));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CodedError('bad-request', `"${timeZone}" is no time zone that this computer knows: name one like "Europe/Berlin", or "UTC".`);
  }
}

/** Sums of each day between two borders: every millisecond that is owed is recorded, or has a reason. */
export function perDay(borders: readonly UtcMs[], { spans, healed, pieces }: Tiled): DayCoverage[] {
  const days = borders.slice(1).map((to, i) => ({ from: borders[i] ?? to, to }));
  const recorded = sums(days, spans);
  const mended = sums(days, healed);
  const missing = days.map(() => new Map<string, number>());
  for (const piece of pieces) {
    if (!piece.owed) continue;
    share(days, piece, (day, ms) => {
      const reasons = missing[day];
      reasons?.set(piece.reason, (reasons.get(piece.reason) ?? 0) + ms);
    });
  }
  return days.map((day, i) => {
    const reasons = [...(missing[i] ?? [])].map(([reason, ms]) => ({ reason, ms })).sort((a, b) => b.ms - a.ms);
    const recordedMs = recorded[i] ?? 0;
    return {
      ...day,
      owedMs: reasons.reduce((sum, { ms }) => sum + ms, recordedMs),
      recordedMs,
      healedMs: Math.min(recordedMs, mended[i] ?? 0),
      missing: reasons,
    };
  });
}

function sums(days: readonly Range[], ranges: readonly Range[]): number[] {
  const result = days.map(() => 0);
  for (const range of ranges) share(days, range, (day, ms) => (result[day] = (result[day] ?? 0) + ms));
  return result;
}

/** Tells how much of the range falls into which day. Days follow each other. */
function share(days: readonly Range[], range: Range, tell: (day: number, ms: number) => void): void {
  const first = days[0];
  if (!first) return;
  // No day is longer than 26 hours: a guess that is never too late.
  const guess = Math.floor((range.from - first.from) / 93_600_000);
  for (let i = Math.max(0, guess); i < days.length; i++) {
    const day = days[i];
    if (!day || day.from >= range.to) return;
    const ms = Math.min(day.to, range.to) - Math.max(day.from, range.from);
    if (ms > 0) tell(i, ms);
  }
}
