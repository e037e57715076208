import type { Clock } from '../../electron/base/clock.ts';

/** What may leave at once: so many ms of the rate, and two packets at least. A keyframe of usual size, on a way that is wide. */
const BURST_MS = 13;
const LEAST_BURST = 2_500;
/** Of the rate, for repeating what was lost; and what may be repeated at once, ms of the rate. */
const REPAIR_SHARE = 0.5;
const REPAIR_BURST_MS = 250;
const LEAST_REPAIR_BURST = 12_000;
/** Of what may leave at once so much is always left for the next picture; and what nobody used of late may be used by what may wait, ms of the rate. */
const RESERVE = 0.5;
const SPARE_MS = 40;

/** Shares out what the way carries: a token bucket for media, filled at the estimated rate, and one for repair within it. */
export class Pacer {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #bps: () => number;
  #media: number | null = null;
  #repair: number | null = null;
  /** What ran over, as nobody sent anything. */
  #spare = 0;
  #filledAt: number;
  #refused = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, bps: () => number) {
    this.#clock = clock;
    this.#bps = bps;
    this.#filledAt = clock.monotonic();
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

  /**
   * Whether `bytes` of what may wait may be sent now: what is left over, and so much that the next picture need not wait for it. A timer that
   * comes late loses nothing.
   */
  takeSpare(bytes: number): boolean {
    this.#fill();
    const spare = Math.min(this.#spare, bytes);
    const media = this.#media ?? 0;
    if (spare < bytes && media < this.#burst * RESERVE) return false;
    this.#spare -= spare;
    this.#media = media - (bytes - spare);
    return true;
  }

  /** Repeats that were not made for want of room. */
  get refused(): number {
    return this.#refused;
  }

  get #burst(): number {
    return Math.max(LEAST_BURST, (this.#bps() / 8_000) * BURST_MS);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const bytesPerMs = this.#bps() / 8_000;
    const elapsed = now - this.#filledAt;
    this.#filledAt = now;
    const burst = this.#burst;
    const repairBurst = Math.max(LEAST_REPAIR_BURST, bytesPerMs * REPAIR_BURST_MS);
    const media = (this.#media ?? burst) + elapsed * bytesPerMs;
    this.#spare = Math.min(SPARE_MS * bytesPerMs, this.#spare + Math.max(0, media - burst));
    this.#media = Math.min(burst, media);
    this.#repair = Math.min(repairBurst, (this.#repair ?? repairBurst) + elapsed * bytesPerMs * REPAIR_SHARE);
  }
}
