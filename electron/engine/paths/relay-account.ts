import type { Clock } from '../../base/clock.ts';
import { Emitter } from '../../base/emitter.ts';
import type { Reason, RelayPolicy } from '../../contract/model.ts';
import type { RelayControl } from '../../sources/surroundings.ts';

/** Months since the year 0, UTC: what a budget is for. */
export function monthOf(utc: number): number {
  const date = new Date(utc);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** What one camera sent through relays in this month, and whether it may send more. */
export class RelayAccount implements RelayControl {
  readonly changed = new Emitter<void>();
  readonly #clock: Clock;
  #policy: RelayPolicy;
  #month: number;
  #bytes: number;
  #unwritten = 0;
  #counter = 0;
  #total = 0;
  #told: string;

  /** @param bytes what was used in the month of `clock` before */
  constructor(options: { clock: Clock; policy: RelayPolicy; bytes: number }) {
    this.#clock = options.clock;
    this.#policy = options.policy;
    this.#month = monthOf(options.clock.now());
    this.#bytes = options.bytes;
    this.#told = this.#state();
  }

  get policy(): RelayPolicy {
    return this.#policy;
  }

  set policy(policy: RelayPolicy) {
    this.#policy = policy;
    this.#tell();
  }

  /** Of this month. */
  get bytes(): number {
    this.#turn();
    return this.#bytes;
  }

  /** Since the engine was started. */
  get total(): number {
    return this.#total;
  }

  allowed(): boolean {
    return this.refusal() === null;
  }

  refusal(): Reason | null {
    this.#turn();
    const policy = this.#policy;
    if (policy.kind === 'never') {
      return {
        code: 'relay-not-allowed',
        text: 'No direct way was found, and this camera is set never to use a relay. Its connection panel has the setting.',
      };
    }
    if (policy.kind === 'budget' && this.#bytes >= policy.bytesPerMonth) {
      const limit = `${(policy.bytesPerMonth / 1e9).toLocaleString('en', { maximumFractionDigits: 3 })} GB`;
      const text = `No direct way was found, and the ${limit} that this camera may send through a relay each month are used up. It goes on by itself when a direct way is found, or on the first of next month.`;
      return { code: 'relay-budget-spent', text };
    }
    return null;
  }

  /** @param counter bytes through relays as the source counts them; one that went down began anew */
  count(counter: number): void {
    const bytes = counter >= this.#counter ? counter - this.#counter : counter;
    this.#counter = counter;
    this.#turn();
    this.#bytes += bytes;
    this.#unwritten += bytes;
    this.#total += bytes;
    this.#tell();
  }

  /** What was not written yet, as of now: whoever takes it writes it, or gives it back. */
  take(): { month: number; bytes: number } | null {
    this.#turn();
    if (this.#unwritten === 0) return null;
    const taken = { month: this.#month, bytes: this.#unwritten };
    this.#unwritten = 0;
    return taken;
  }

  giveBack({ month, bytes }: { month: number; bytes: number }): void {
    if (month === this.#month) this.#unwritten += bytes;
  }

  /** To be called now and then: a new month gives a new budget. */
  check(): void {
    this.#turn();
    this.#tell();
  }

  /** Whatever of the old month was not written by then, some seconds' worth, is let go. */
  #turn(): void {
    const month = monthOf(this.#clock.now());
    // A clock that was set back does not give the budget once more.
    if (month <= this.#month) return;
    this.#month = month;
    this.#bytes = 0;
    this.#unwritten = 0;
  }

  #state(): string {
    return this.refusal()?.code ?? '';
  }

  #tell(): void {
    const state = this.#state();
    if (state === this.#told) return;
    this.#told = state;
    this.changed.emit();
  }
}
