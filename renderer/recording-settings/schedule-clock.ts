import type { UtcMs } from '../../electron/contract/model.ts';
import { utcMs } from '../../electron/contract/model.ts';
import { clockMinutes } from '../time/words.ts';
import { offsetAt } from '../time/zone.ts';

const MONTH_MS = 30 * 86_400_000;

/**
 * By whose clock the hours of a schedule are, where the page's own (`here`) shows, or within the year will show, another time; null where
 * the two are alike, however their zones are called.
 */
export function scheduleClock(recorder: string, here: string, now: UtcMs): string | null {
  try {
    const alike = Array.from({ length: 12 }, (_, i) => utcMs(now + i * MONTH_MS)).every(
      (at) => offsetAt(at, recorder) === offsetAt(at, here),
    );
    if (alike) return null;
    return `These hours are by the clock of the computer that records (${recorder}, now ${clockMinutes(now, recorder)}). All other times here are by yours.`;
  } catch {
    // A zone that this browser has never heard of.
    return `These hours are by the clock of the computer that records (${recorder}). All other times here are by yours.`;
  }
}
