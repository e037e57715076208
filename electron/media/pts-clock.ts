import type { Clock } from '../base/clock.ts';
import { utcMs, type Pts90k, type UtcMs } from '../base/units.ts';

const BUCKET_MS = 5000;
const BUCKETS = 12;
/** Most that the mapping is bent, as a share of elapsed time: 500 ppm, more than any crystal is off by, and as much to make up for what was wrong. */
const MAX_SLEW = 1000e-6;
/** While the first frames come, the mapping follows at once: servers often begin with a burst of old frames. */
const SETTLE_MS = 2000;
/** A difference no clock drift explains: the sender's times have jumped. */
const STEP_MS = 1000;

/**
 * Maps media times to UTC by when frames arrive. A frame cannot arrive before it was captured, and the luckiest ones arrive at once:
 * so the least (arrival - pts) of the last minute is the offset, up to the constant part of the delay. It is followed slowly, so that
 * neither network jitter nor a drift between the two clocks makes times jump.
 */
export class PtsClock {
  readonly #clock: Clock;
  /** Least (arrival - pts) of each of the last periods, by the monotonic clock. */
  #buckets: { readonly index: number; min: number }[] = [];
  #offset: number | null = null;
  #startedAt = 0;
  #lastAt = 0;
  /** Times that the mapping had to jump. */
  steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The UTC of `pts`, noting that media up to `arrivedUpTo` is here now: for a frame that is held back until the next
   * one comes, that is the next one's time.
   */
  map(pts: Pts90k, arrivedUpTo: number = pts): UtcMs {
    const now = this.#clock.monotonic();
    this.#note(now, now - arrivedUpTo / 90);
    this.#follow(now);
    return utcMs(pts / 90 + (this.#offset ?? 0) + (this.#clock.now() - now));
  }

  #note(now: number, difference: number): void {
    const index = Math.floor(now / BUCKET_MS);
    const last = this.#buckets.at(-1);
    if (last?.index === index) last.min = Math.min(last.min, difference);
    else this.#buckets = [...this.#buckets.filter((bucket) => bucket.index > index - BUCKETS), { index, min: difference }];
    if (this.#offset === null) {
      this.#offset = difference;
      this.#startedAt = this.#lastAt = now;
    } else if (difference < this.#offset - STEP_MS && now - this.#startedAt > SETTLE_MS) this.#step(now, difference);
  }

  #follow(now: number): void {
    if (this.#offset === null) return;
    let least = Infinity;
    for (const { min } of this.#buckets) least = Math.min(least, min);
    const error = least - this.#offset;
    if (now - this.#startedAt <= SETTLE_MS) this.#offset = least;
    else if (error > STEP_MS) this.#step(now, least);
    else {
      const most = (now - this.#lastAt) * MAX_SLEW;
      this.#offset += Math.max(-most, Math.min(most, error));
    }
    this.#lastAt = now;
  }

  /** Forgets what was before and starts at `offset`. */
  #step(now: number, offset: number): void {
    this.steps += 1;
    this.#buckets = [{ index: Math.floor(now / BUCKET_MS), min: offset }];
    this.#offset = offset;
    this.#lastAt = now;
  }
}
