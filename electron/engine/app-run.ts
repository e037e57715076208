import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';

/** How exactly the end of a run that was killed is known, milliseconds. */
const TOUCH_MS = 2000;

/** Notes while the app runs, so that a gap can say "the app was not running" and mean it. */
export class AppRun {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #log: Log;
  #run: number | undefined;
  #timer: Timer | undefined;

  constructor(storage: Storage, clock: Clock, log: Log) {
    this.#storage = storage;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#run = await this.#storage.call('beginRun', { at: this.#now() });
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#touch();
    this.#run = undefined;
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      void this.#touch();
      this.#schedule();
    }, TOUCH_MS);
  }

  async #touch(): Promise<void> {
    if (this.#run === undefined) return;
    try {
      await this.#storage.call('touchRun', { run: this.#run, at: this.#now() });
    } catch (error) {
      // Not worth stopping for: the gap after a crash is told a little longer than it was.
      this.#log.warn(`could not note that the app is running: ${String(error)}`);
    }
  }

  #now(): UtcMs {
    return utcMs(Math.round(this.#clock.now()));
  }
}
