import type { Clock } from '../electron/base/clock.ts';

const SLOT_MS = 1_000;
const SLOTS = 10;
/** Less is no rate yet, ms. */
const LEAST_MS = 2_000;

/** Bits a second in the mean of the last ten seconds. */
export class RateMeter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #slots: { readonly at: number; bytes: number }[] = [];

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    const now = this.#clock.monotonic();
    const last = this.#slots.at(-1);
    if (last && now - last.at < SLOT_MS) last.bytes += bytes;
    else this.#slots = [...this.#slots.filter(({ at }) => now - at < SLOT_MS * SLOTS), { at: now, bytes }];
  }

  /** Null while too little is known. */
  get bps(): number | null {
    const ms = this.#clock.monotonic() - (this.#slots[0]?.at ?? Infinity);
    return ms < LEAST_MS ? null : (this.#slots.reduce((sum, { bytes }) => sum + bytes, 0) * 8_000) / ms;
  }
}
