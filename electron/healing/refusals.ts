import type { Clock } from '../base/clock.ts';

/** A file that is of no use is asked for once more, and then not for so long, milliseconds. */
const LEFT_ALONE_MS = 3_600_000;
/** The oldest are forgotten. */
const MAX_KNOWN = 1_000;

/** Files of a spool that could not be had, or were not what they should be. */
export class Refusals {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Until when a file is left alone, monotonic. */
  readonly #known = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  add(name: string): void {
    this.#known.set(name, this.#known.has(name) ? this.#clock.monotonic() + LEFT_ALONE_MS : -Infinity);
    const oldest = this.#known.keys().next();
    if (this.#known.size > MAX_KNOWN && !oldest.done) this.#known.delete(oldest.value);
  }

  /** Whether it is left alone now. */
  has(name: string): boolean {
    return this.#clock.monotonic() < (this.#known.get(name) ?? -Infinity);
  }
}
