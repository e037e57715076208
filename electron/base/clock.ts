import { uptime } from 'node:os';
import { utcMs, type UtcMs } from './units.ts';

/** Time as the code sees it: tests replace it by a simulated one, nothing else may. */
export interface Clock {
  /** Wall clock: may jump. */
  now(): UtcMs;
  /** Milliseconds since some fixed moment: never goes back. On some systems it stands still while the computer sleeps. */
  monotonic(): number;
  /** Milliseconds since the computer was started, sleep included, whatever the wall clock is set to; where that is known. */
  uptime?(): number;
  setTimeout(run: () => void, ms: number): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => utcMs(Date.now()),
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1000,
  setTimeout(run, ms) {
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms` of the given clock. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, ms));
}

/** A clock that moves only when told to. For tests. */
export class SimulatedClock implements Clock {
  #utc: number;
  #monotonic = 0;
  #slept = 0;
  #timers: { at: number; run: () => void }[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#utc = start;
  }

  now(): UtcMs {
    return utcMs(this.#utc);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  uptime(): number {
    return this.#monotonic + this.#slept;
  }

  setTimeout(run: () => void, ms: number): Timer {
    const timer = { at: this.#monotonic + Math.max(0, ms), run };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Moves both clocks forward, running what falls due in order; promise callbacks run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#utc += next.at - this.#monotonic;
      this.#monotonic = next.at;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#utc += end - this.#monotonic;
    this.#monotonic = end;
  }

  /** The computer sleeps: timers and the monotonic clock stand still, the wall clock goes on. */
  sleep(ms: number): void {
    this.#utc += ms;
    this.#slept += ms;
  }

  /** The user or NTP sets the wall clock; the monotonic one does not move. */
  jump(ms: number): void {
    this.#utc += ms;
  }
}
