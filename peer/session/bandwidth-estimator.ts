import { Delivery } from './bandwidth-delivery.ts';
import type { PacketReport } from './bandwidth-history.ts';
import { LossMeter } from './bandwidth-loss.ts';
import { DelayTrend } from './bandwidth-trend.ts';

/** Bits a second. The first one lets a viewer's first picture come quickly; where it is too much that shows within a round trip. */
const START_BPS = 5_000_000;
export const LEAST_BPS = 64_000;
export const MOST_BPS = 40_000_000;

/** After overuse: this share of what the way carries; less while a long queue is to drain (GCC takes 0.85 always). */
const BACK_OFF = 0.85;
const BACK_OFF_LONG = 0.6;
const LONG_QUEUE_MS = 150;
/** Growth of a queue is believed above this standing delay, ms; and this much is a full queue, growing or not. */
const [GROWING_MS, FULL_MS] = [20, 100];
/** Back off again after a round trip and this time, ms. */
const AGAIN_MS = 200;
/** Factors a second: before the first overuse; when bursts at the estimate pass without a queue; else (GCC: 8 % a second). */
const [FIRST_GROWTH, PROVED_GROWTH, GROWTH] = [10, 1.25, 1.08];
/** The estimate may be so much above what was seen to arrive (GCC §5.5). */
const ABOVE_SEEN = 1.5;
/** More loss than this is too much traffic; less than that is none (GCC §6). */
const [HEAVY_LOSS, LIGHT_LOSS] = [0.1, 0.02];
const LOSS_AGAIN_MS = 1_000;
const TOLERATED_MS = 60_000;
/** Feedbacks in a row that must say so: the other end may have been busy with something else and read its packets late. */
const CONFIRMED = 2;
/** Times that the estimate went down and the queue did not: it is not ours. */
const NOT_OURS = 3;

/**
 * What the way to one viewer carries, from feedback about each packet (see `twcc.ts`). After Google Congestion Control
 * (draft-ietf-rmcat-gcc-02): multiplicative increase, back off on growing delay or heavy loss. What differs, since a camera sends
 * at its own rate and cannot fill the way to measure it:
 * - backing off goes by what came out of the queue while the way was busy, not by what was sent on average;
 * - a queue that stands counts, not a growing one alone (RFC 6817 §2.4.2 measures it the same way);
 * - a queue, or a loss, that does not lessen when less is sent is not of our making, and is got used to.
 */
export class BandwidthEstimator {
  readonly #trend = new DelayTrend();
  readonly #delivery = new Delivery();
  readonly #loss = new LossMeter();
  #bps = START_BPS;
  #grown = false;
  #overused = 0;
  #updatedAt: number | null = null;
  #backedOffAt = -Infinity;
  #lossAt = -Infinity;
  /** The rate and loss before it was reduced for loss: to see whether that helps. */
  #trial: { readonly bps: number; readonly sentBps: number; readonly share: number } | null = null;
  #tolerated = { share: 0, until: -Infinity };
  #stubborn = { times: 0, standingMs: Infinity };

  /** Bits a second, LEAST_BPS..MOST_BPS. */
  get bps(): number {
    return this.#bps;
  }

  /** What waits in queues on the way, ms. */
  get queueMs(): number {
    return this.#delivery.standingMs;
  }

  /** 0..1, of the last second, before repair. */
  get lossShare(): number {
    return this.#loss.share ?? 0;
  }

  /** When it last had to go down, monotonic ms; -Infinity: never. */
  get backedOffAt(): number {
    return Math.max(this.#backedOffAt, this.#lossAt);
  }

  /** @param reports in order of sending */
  take(reports: readonly PacketReport[], now: number, rttMs: number): void {
    for (const report of reports) {
      this.#loss.push(report);
      if (report.wasLate) continue;
      this.#trend.push(report);
      this.#delivery.push(report);
    }
    const elapsed = Math.min(1_000, now - (this.#updatedAt ?? now));
    this.#updatedAt = now;
    const standing = this.#delivery.standingMs;
    const isOverused = (this.#trend.state === 'growing' && standing > GROWING_MS) || standing > FULL_MS;
    this.#overused = isOverused ? this.#overused + 1 : 0;
    if (this.#overused >= CONFIRMED) this.#backOff(standing, now, rttMs);
    else if (!isOverused) this.#stubborn = { times: 0, standingMs: Infinity };
    const heavy = this.#onLoss(now);
    if (!isOverused && !heavy && standing <= GROWING_MS) this.#grow(elapsed);
  }

  /** A probe came through at this rate, bits a second. */
  proved(bps: number): void {
    this.#bps = Math.min(MOST_BPS, Math.max(this.#bps, bps));
  }

  /** Another way: its delays and rates are its own. */
  reset(): void {
    this.#trend.reset();
    this.#delivery.reset();
    this.#loss.reset();
    this.#bps = Math.max(this.#bps, START_BPS);
    this.#grown = false;
    this.#trial = null;
    this.#tolerated = { share: 0, until: -Infinity };
    this.#backedOffAt = this.#lossAt = -Infinity;
  }

  #backOff(standing: number, now: number, rttMs: number): void {
    if (now - this.#backedOffAt < rttMs + AGAIN_MS) return;
    const eased = standing < this.#stubborn.standingMs - 10;
    this.#stubborn = { times: eased ? 1 : this.#stubborn.times + 1, standingMs: standing };
    if (this.#stubborn.times > NOT_OURS) {
      this.#delivery.rebase();
      this.#trend.reset();
      return;
    }
    const carried = this.#delivery.busyBps ?? this.#delivery.bps;
    const wanted = carried * (standing > LONG_QUEUE_MS ? BACK_OFF_LONG : BACK_OFF);
    if (wanted >= this.#bps) return;
    this.#backedOffAt = now;
    this.#grown = true;
    this.#set(wanted);
  }

  /** True while loss forbids to grow. */
  #onLoss(now: number): boolean {
    const share = this.#loss.share;
    if (share === null) return false;
    const tolerated = now < this.#tolerated.until ? this.#tolerated.share : 0;
    if (share <= tolerated + LIGHT_LOSS) this.#trial = null;
    if (share <= tolerated + HEAVY_LOSS) return share > tolerated + LIGHT_LOSS;
    if (now - this.#lossAt < LOSS_AGAIN_MS) return true;
    const { sentBps } = this.#loss;
    if (this.#trial && sentBps < 0.85 * this.#trial.sentBps && share > 0.75 * this.#trial.share) {
      this.#tolerated = { share, until: now + TOLERATED_MS };
      this.#set(this.#trial.bps);
      this.#trial = null;
      return true;
    }
    this.#trial ??= { bps: this.#bps, sentBps, share };
    this.#lossAt = now;
    this.#grown = true;
    this.#set(Math.min(this.#bps, sentBps) * (1 - share / 2));
    return true;
  }

  #grow(elapsedMs: number): void {
    const train = this.#delivery.trainBps;
    const seen = Math.max(this.#delivery.bps, train) * ABOVE_SEEN;
    if (seen <= this.#bps) return;
    const factor = !this.#grown ? FIRST_GROWTH : train > 0.9 * this.#bps ? PROVED_GROWTH : GROWTH;
    this.#set(Math.min(seen, this.#bps * factor ** (elapsedMs / 1_000)));
  }

  #set(bps: number): void {
    this.#bps = Math.min(MOST_BPS, Math.max(LEAST_BPS, bps));
  }
}
