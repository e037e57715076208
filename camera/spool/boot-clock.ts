import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from '../../electron/base/clock.ts';

/** Where a wall clock stood at a moment that does not move: by how much it differs later, so much it was set in between. */
export interface BootClock {
  /** Names this run of the machine. */
  readonly boot: string;
  /** What the wall clock, as it is set now, says that the machine started at, UTC ms. Goes on while the machine sleeps. */
  startedAt(): number;
}

/** @param clock whose wall clock the pictures' times are of */
export function bootClock(clock: Pick<Clock, 'now'>): BootClock {
  return { boot: bootId(), startedAt: () => clock.now() - uptime() * 1000 };
}

/** Where the system has no name for it, each run of the program is one of its own: then nothing is known of how the clock was set before. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 36);
  } catch {
    return randomUUID();
  }
}
