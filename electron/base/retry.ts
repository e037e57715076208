/** Delays between attempts: exponential with full jitter, so that a thousand peers do not come back at once. */
export class Backoff {
  readonly #first: number;
  readonly #cap: number;
  readonly #random: () => number;
  #attempt = 0;

  /** `firstMs` is the ceiling of the first delay, doubled each time up to `capMs` (30 s). */
  constructor(options: { firstMs?: number; capMs?: number; random?: () => number } = {}) {
    this.#first = options.firstMs ?? 500;
    this.#cap = options.capMs ?? 30_000;
    this.#random = options.random ?? Math.random;
  }

  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait before the next attempt: between half of the ceiling and the ceiling. */
  next(): number {
    const ceiling = Math.min(this.#cap, this.#first * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return ceiling / 2 + (this.#random() * ceiling) / 2;
  }

  /** To be called when an attempt has proved itself (media flowed), not merely begun. */
  reset(): void {
    this.#attempt = 0;
  }
}
