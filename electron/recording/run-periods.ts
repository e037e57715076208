import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Storage } from '../storage/client.ts';

const BEAT_MS = 5_000;
/** A beat that comes so late tells of a machine that slept or a clock that was set: a new period begins. */
const MAX_LATE_MS = 30_000;

/** Notes when the app runs, so that time without it can be told from time in which recording failed. */
export class RunPeriods {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #clock: Clock;
  readonly #log: Log;
  #run: number | null = null;
  #lastBeat = 0;
  #timer: Timer | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(options: { storage: Pick<Storage, 'call'>; clock: Clock; log: Log }) {
    this.#storage = options.storage;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** To be awaited before the first recorder starts: it ends the gaps that the last run left open. Idempotent. */
  async start(): Promise<void> {
    if (this.#run !== null) return;
    await this.#begin();
    this.#arm();
  }

  /** Notes the end to the millisecond. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#run === null) return;
    await this.#beat();
    this.#run = null;
  }

  async #begin(): Promise<void> {
    this.#lastBeat = this.#clock.now();
    this.#run = await this.#storage.call('beginRun', { at: this.#clock.now() });
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      void this.#beat();
      this.#arm();
    }, BEAT_MS);
  }

  /** One after another; what the clock says counts, not when the database gets to it. */
  #beat(): Promise<void> {
    const at = this.#clock.now();
    const late = at < this.#lastBeat || at - this.#lastBeat > MAX_LATE_MS;
    this.#lastBeat = at;
    this.#work = this.#work.then(async () => {
      try {
        if (late) this.#run = await this.#storage.call('continueRun', { at });
        else if (this.#run !== null) await this.#storage.call('touchRun', { run: this.#run, at });
      } catch (error) {
        this.#log.warn('the running time could not be noted', { error: String(error) });
      }
    });
    return this.#work;
  }
}
