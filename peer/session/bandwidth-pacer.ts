import type { Clock } from '../../electron/base/clock.ts';

/** What may leave at once: so many ms of the rate, and two packets at least. A keyframe of usual size, on a way that is wide. */
const BURST_MS = 13;
const LEAST_BURST = 2_500;
/** Of the rate, for repeating what was lost; and what may be repeated at once, ms of the rate. */
const REPAIR_SHARE = 0.5;
const REPAIR_BURST_MS = 250;
const LEAST_REPAIR_BURST = 12_000;

/** Shares out what the way carries: a token bucket for media, filled at the estimated rate, and one for repair within it. */
export class Pacer {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #bps: () => number;
  #media: number | null = null;
  #repair: number | null = null;
  #filledAt: number;
  #refused = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, bps: () => number) {
    this.#clock = clock;
    this.#bps = bps;
    this.#filledAt = clock.monotonic();
  }

  /** What may leave at once when nothing was sent for a while, bytes. */
  get burst(): number {
    return Math.max(LEAST_BURST, (this.#bps() / 8_000) * BURST_MS);
  }

  /** Bytes that may be sent now; below 0 when more was sent than should. */
  get available(): number {
    this.#fill();
    return this.#media ?? 0;
  }

  spend(bytes: number): void {
    this.#fill();
    this.#media = (this.#media ?? 0) - bytes;
  }

  /** Whether `bytes` may be sent a second time: repair goes first, and takes a share only, lest it choke what it is to mend. */
  repair(bytes: number): boolean {
    this.#fill();
    if ((this.#repair ?? 0) < bytes) {
      this.#refused += 1;
      return false;
    }
    this.#repair = (this.#repair ?? 0) - bytes;
    this.#media = (this.#media ?? 0) - bytes;
    return true;
  }

  /** Repeats that were not made for want of room. */
  get refused(): number {
    return this.#refused;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const bytesPerMs = this.#bps() / 8_000;
    const elapsed = now - this.#filledAt;
    this.#filledAt = now;
    const { burst } = this;
    const repairBurst = Math.max(LEAST_REPAIR_BURST, bytesPerMs * REPAIR_BURST_MS);
    this.#media = Math.min(burst, (this.#media ?? burst) + elapsed * bytesPerMs);
    this.#repair = Math.min(repairBurst, (this.#repair ?? repairBurst) + elapsed * bytesPerMs * REPAIR_SHARE);
  }
}
