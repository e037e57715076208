import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { FactRow } from '../storage/interface.ts';
import { interruptionOf, type Reading } from './interruption.ts';

/** How often the clocks are compared, milliseconds: so exactly are sleeps known. */
const LOOK_MS = 1_000;
/** How often "alive" is noted, milliseconds. */
const BEAT_MS = 5_000;
/** A notice that the computer goes to sleep explains what stands still within this time, milliseconds. */
const NOTICE_MS = 5 * 60_000;
/** Interruptions that the database could not take yet; the oldest two become one beyond that. */
const MAX_UNWRITTEN = 64;

interface Step {
  readonly until: UtcMs;
  readonly at: UtcMs;
  readonly facts: readonly FactRow[];
}

/**
 * Notes when the app runs, and when it did not although its process was there: asleep, held up, or by a clock that was set. So time without
 * the app can be told from time in which recording failed.
 */
export class RunPeriods {
  readonly counters = { interruptions: 0, merged: 0 };
  readonly #storage: Pick<Storage, 'call'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lostFrom: UtcMs | null;
  #run: number | null = null;
  #last: Reading;
  #beatAt = 0;
  /** When the computer said that it goes to sleep. */
  #suspended: Reading | null = null;
  #unwritten: Step[] = [];
  #timer: Timer | null = null;
  #work: Promise<void> = Promise.resolve();

  /** @param options.lostFrom the database was made anew: why time from here on is missing is not known any more; null: it is known */
  constructor(options: { storage: Pick<Storage, 'call'>; clock: Clock; log: Log; lostFrom?: UtcMs | null }) {
    this.#storage = options.storage;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#lostFrom = options.lostFrom ?? null;
    this.#last = this.#read();
  }

  /** To be awaited before the first recorder starts: it ends the gaps that the last run left open. Idempotent. */
  async start(): Promise<void> {
    if (this.#run !== null) return;
    this.#last = this.#read();
    this.#beatAt = this.#last.ran;
    this.#run = await this.#storage.call('beginRun', { at: this.#last.wall, lostFrom: this.#lostFrom });
    this.#arm();
  }

  /** The computer is about to sleep. */
  suspend(): void {
    this.#look();
    this.#suspended = this.#last;
    this.#write();
  }

  /** It woke. */
  resume(): void {
    this.#look();
    this.#suspended = null;
  }

  /** Resolves when what is known so far is stored, or could not be. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Notes the end to the millisecond: to be called first of all when the app closes. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#run === null) return;
    this.#look();
    await this.#write();
    this.#run = null;
  }

  #read(): Reading {
    const ran = this.#clock.monotonic();
    return { wall: utcMs(Math.round(this.#clock.now())), ran, up: this.#clock.uptime?.() ?? ran };
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#look();
      if (this.#last.ran - this.#beatAt >= BEAT_MS) void this.#write();
      this.#arm();
    }, LOOK_MS);
  }

  #look(): void {
    const last = this.#last;
    this.#last = this.#read();
    if (this.#suspended && this.#last.ran - this.#suspended.ran > NOTICE_MS) this.#suspended = null;
    this.#note(last, this.#last, this.#suspended);
  }

  #note(last: Reading, now: Reading, notice: Reading | null): void {
    const facts = interruptionOf(last, now, notice !== null);
    if (facts.length === 0) return;
    this.counters.interruptions += 1;
    this.#suspended = null;
    for (const { reason, start, end } of facts)
      this.#log.warn(`the app was interrupted: ${reason}`, { from: new Date(start).toISOString(), to: new Date(end).toISOString() });
    this.#unwritten.push({ until: last.wall, at: now.wall, facts });
    if (this.#unwritten.length > MAX_UNWRITTEN) {
      this.counters.merged += 1;
      const [first, second] = this.#unwritten.splice(0, 2);
      if (first && second)
        this.#unwritten.unshift({ until: first.until, at: second.at, facts: [...first.facts, ...second.facts].slice(-8) });
    }
    void this.#write();
  }

  /** One after another; what the clock says counts, not when the database gets to it. What it does not take is tried again at the next beat. */
  #write(): Promise<void> {
    const at = this.#last.wall;
    this.#beatAt = this.#last.ran;
    this.#work = this.#work.then(async () => {
      try {
        for (let step = this.#unwritten[0]; step && this.#run !== null; step = this.#unwritten[0]) {
          this.#run = await this.#storage.call('continueRun', { run: this.#run, ...step });
          this.#unwritten.shift();
        }
        if (this.#run !== null) await this.#storage.call('touchRun', { run: this.#run, at });
      } catch (error) {
        this.#log.warn('the running time could not be noted yet', { error: String(error) });
      }
    });
    return this.#work;
  }
}
