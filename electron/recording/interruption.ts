import { utcMs, type UtcMs } from '../base/units.ts';
import type { FactRow } from '../storage/interface.ts';

/** The clocks at one moment, milliseconds. */
export interface Reading {
  readonly wall: UtcMs;
  /** Monotonic; on some systems (Linux) it stands still while the computer sleeps. */
  readonly ran: number;
  /** Since the computer was started, sleep included; the same as `ran` where that is not known. */
  readonly up: number;
}

/** A look that comes so late tells of a machine that slept or a process that was stopped. */
const LATE_MS = 30_000;
/** The same, when the computer had said that it goes to sleep. */
const LATE_AND_NOTICED_MS = 3_000;
/** The machine was up so much longer than the process ran: it slept. */
const SLEPT_MS = 1_000;
/** The wall clock differs by so much from the time that passed: it was set. */
const SET_MS = 500;

/**
 * What happened between two looks at the clocks, a second or so apart: nothing; the computer slept (`noticed`: it said that it would), the
 * process was held up, or the wall clock was set. In order; the ranges are exact to the time between the looks.
 */
export function interruptionOf(last: Reading, now: Reading, noticed: boolean): FactRow[] {
  const ran = now.ran - last.ran;
  const passed = Math.max(ran, now.up - last.up);
  const set = now.wall - last.wall - passed;
  const slept = passed - ran > SLEPT_MS || (noticed && (ran > LATE_AND_NOTICED_MS || set > SET_MS));
  const held = slept || ran > LATE_MS;
  const facts: FactRow[] = [];
  const note = (start: number, end: number, reason: FactRow['reason'], text: string, weak = false) => {
    if (end > start) facts.push({ start: utcMs(Math.round(start)), end: utcMs(Math.round(end)), reason, text, weak });
  };
  // A sleep that only the wall clock has seen is as long as that says.
  const clockSet = Math.abs(set) > SET_MS && !(slept && passed - ran <= SLEPT_MS && set > 0);
  const back = clockSet && set < 0;
  const awake = clockSet ? last.wall + passed : now.wall;
  if (slept) note(last.wall, back ? now.wall : awake, 'asleep', 'The computer was asleep.');
  else if (held)
    note(
      last.wall,
      back ? now.wall : awake,
      'app-not-running',
      'Keyhole was held up: the computer was asleep, or the program was stopped.',
    );
  if (clockSet && !back)
    note(held ? awake : last.wall, now.wall, 'clock-set', `The clock was set forward by ${words(set)}: this time never was.`);
  if (back) note(now.wall, awake, 'clock-set', `The clock was set back by ${words(-set)}: this time came twice.`, true);
  return facts;
}

function words(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
