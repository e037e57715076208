import type { UtcMs } from '../../electron/contract/model.ts';
import type { Missing } from '../state/playback.svelte.ts';
import { calendarDay, clockTime, duration } from '../time/words.ts';

/** What is missing, why, and where showing went on, in words. */
export interface GapSentence {
  readonly what: string;
  readonly why: string;
  readonly then: string;
}

/** `playing`: whether it plays on behind the gap, or only shows the nearest picture. */
export function gapSentence({ from, to, reason, text, jumpedTo }: Missing, playing: boolean, zone: string): GapSentence {
  const day = (at: UtcMs) => calendarDay(at, zone);
  const oneDay = day(from) === day(to);
  const moment = (at: UtcMs) => (oneDay ? clockTime(at, zone) : `${day(at)}, ${clockTime(at, zone)}`);
  const what =
    reason === 'not-added-yet'
      ? `before ${clockTime(to, zone)}, ${day(to)}.`
      : `from ${moment(from)} to ${moment(to)} (${duration(to - from).replaceAll(' ', '\u00a0')}).`;
  const then = jumpedTo === null ? '' : `${playing ? 'Goes on' : 'Shown instead: the picture'} at ${clockTime(jumpedTo, zone)}.`;
  return { what, why: text, then };
}
