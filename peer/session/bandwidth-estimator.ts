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
const DRAIN_MS = 150;
/** A queue below this is none, ms; one that rose by less in two feedbacks does not grow; one above this grows whatever the trend says. */
const [QUEUE_MS, RISE_MS, LONG_MS] = [20, 3, 100];
/** A queue that neither grows nor overflows for this long is a longer way, ms. */
const FLAT_MS = 1_000;
/** Back off again after a round trip and this time, ms. */
const AGAIN_MS = 200;
/** Factors a second: up to what is known to fit; when bursts at the estimate pass without a queue; else (GCC: 8 % a second). */
const [KNOWN_GROWTH, PROVED_GROWTH, GROWTH] = [10, 1.25, 1.08];
/** The estimate may be so much above what was seen to arrive (GCC §5.5). */
const ABOVE_SEEN = 1.5;
/** More loss than this is too much traffic; less than that is none (GCC §6). */
const [HEAVY_LOSS, LIGHT_LOSS] = [0.1, 0.02];
const LOSS_AGAIN_MS = 1_000;
/** Down by half of the loss (GCC) and no less than this share, so that it shows soon whether that helps: when so much less was sent. */
const [LEAST_CUT, ENOUGH_LESS] = [0.2, 0.88];
const TOLERATED_MS = 60_000;
/** Longer without any feedback was an outage, ms. */
const OUTAGE_MS = 1_000;
/** Feedbacks in a row that must say so: the other end may have been busy with something else and read its packets late. */
const CONFIRMED = 2;

/**
 * What the way to one viewer carries, from feedback about each packet (see `twcc.ts`). After Google Congestion Control
 * (draft-ietf-rmcat-gcc-02): multiplicative increase, back off on growing delay or heavy loss. What differs, since a camera sends
 * at its own rate and cannot fill the way to measure it:
 * - backing off goes by what came out of the queue while the way was busy, not by what was sent on average;
 * - growing delay counts only with a queue that stands (measured as RFC 6817 §2.4.2 does), and that still rises or overflows:
 *   a step in the delay is another way, or a busy machine at the other end;
 * - loss that does not lessen when less is sent is not of our making, and is got used to.
 */
export class BandwidthEstimator {
  readonly #trend = new DelayTrend();
  readonly #delivery = new Delivery();
  readonly #loss = new LossMeter();
  #bps = START_BPS;
  /** What surely fits, as was seen when there was too much; Infinity before. */
  #fits = Infinity;
  #updatedAt: number | null = null;
  #overused = 0;
  #backedOffAt = -Infinity;
  /** Standing queues of the last feedbacks, ms, newest first. */
  #queues: readonly number[] = [];
  #flatSince: number | null = null;
  #lossAt = -Infinity;
  /** The rate and loss before it was reduced for loss: to see whether that helps. */
  #trial: { readonly bps: number; readonly sentBps: number; readonly share: number } | null = null;
  #tolerated = { share: 0, until: -Infinity };
  /** What else arrived by the same way and no report tells of, bits a second. */
  #besides = 0;

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

  /**
   * @param reports in order of sending
   * @param besides bits a second that arrived by the same way and that no report tells of
   */
  take(reports: readonly PacketReport[], now: number, rttMs: number, besides = 0): void {
    this.#besides = besides;
    // What was sent while nothing came through tells of the outage, not of the rate.
    if (now - (this.#updatedAt ?? now) > OUTAGE_MS) this.#forget(now);
    for (const report of reports) {
      this.#loss.push(report);
      if (report.wasLate) continue;
      this.#trend.push(report);
      this.#delivery.push(report);
    }
    this.#delivery.settle();
    const elapsed = Math.min(1_000, now - (this.#updatedAt ?? now));
    this.#updatedAt = now;
    const queue = this.#delivery.standingMs;
    const overused = this.#isOverused(queue, now);
    this.#overused = overused ? this.#overused + 1 : 0;
    if (this.#overused >= CONFIRMED) this.#backOff(queue, now, rttMs);
    const heavy = this.#onLoss(now);
    if (!overused && !heavy && queue <= QUEUE_MS) this.#grow(elapsed);
  }

  /** A probe came through at this rate, bits a second. */
  proved(bps: number): void {
    this.#set(Math.max(this.#bps, bps));
  }

  /** Another way: its delays and rates are its own. */
  reset(now: number): void {
    this.#forget(now);
    this.#delivery.reset();
    this.#bps = Math.max(this.#bps, START_BPS);
    this.#fits = Infinity;
    this.#tolerated = { share: 0, until: -Infinity };
    this.#backedOffAt = this.#lossAt = -Infinity;
  }

  #forget(now: number): void {
    this.#trend.reset();
    this.#loss.reset(now);
    this.#queues = [];
    this.#trial = null;
  }

  #isOverused(queue: number, now: number): boolean {
    const [before = 0, long = 0] = this.#queues;
    const rose = queue - before > RISE_MS / 2 && queue - long > RISE_MS;
    this.#queues = [queue, before];
    const overflows = (this.#loss.share ?? 0) > LIGHT_LOSS;
    const isFlat = queue > QUEUE_MS && !rose && !overflows && this.#trend.state !== 'shrinking';
    if (!isFlat) this.#flatSince = null;
    else if (now - (this.#flatSince ??= now) > FLAT_MS) {
      this.#delivery.rebase();
      this.#trend.reset();
      this.#flatSince = null;
    }
    return queue > QUEUE_MS && (overflows || (rose && (queue > LONG_MS || this.#trend.state === 'growing')));
  }

  #backOff(queue: number, now: number, rttMs: number): void {
    if (now - this.#backedOffAt < rttMs + AGAIN_MS) return;
    const carried = (this.#delivery.busyBps ?? this.#delivery.bps) + this.#besides;
    this.#fits = carried * BACK_OFF;
    const wanted = carried * (queue > DRAIN_MS ? BACK_OFF_LONG : BACK_OFF);
    if (wanted >= this.#bps) return;
    this.#backedOffAt = now;
    this.#loss.reset(now);
    this.#set(wanted);
  }

  /** True while loss forbids to grow. */
  #onLoss(now: number): boolean {
    const { share } = this.#loss;
    const sentBps = this.#loss.sentBps + this.#besides;
    if (share === null) return false;
    const tolerated = now < this.#tolerated.until ? this.#tolerated.share : 0;
    if (share <= tolerated + LIGHT_LOSS) this.#trial = null;
    if (share <= tolerated + HEAVY_LOSS) return false;
    if (now - this.#lossAt < LOSS_AGAIN_MS) return true;
    const trial = this.#trial;
    const less = trial ? sentBps / trial.sentBps : 1;
    // A way that is full delivers as much as before; one that loses at random delivers less by as much as less is sent.
    if (trial && less < ENOUGH_LESS && (sentBps * (1 - share)) / (trial.sentBps * (1 - trial.share)) < (1 + less) / 2) {
      this.#tolerated = { share, until: now + TOLERATED_MS };
      this.#set(trial.bps);
      this.#trial = null;
      return true;
    }
    this.#trial ??= { bps: this.#bps, sentBps, share };
    this.#lossAt = now;
    this.#fits = Math.min(this.#bps, sentBps) * (1 - share);
    this.#set(
      Math.max(Math.min(this.#bps, sentBps) * (1 - Math.max(share / 2, LEAST_CUT)), (this.#delivery.bps + this.#besides) * BACK_OFF),
    );
    this.#loss.reset(now);
    return true;
  }

  #grow(elapsedMs: number): void {
    if (this.#bps >= MOST_BPS) return;
    const train = this.#delivery.trainBps;
    const seen = Math.max(this.#delivery.bps + this.#besides, train) * ABOVE_SEEN;
    if (seen <= this.#bps) return;
    const factor = this.#bps < this.#fits ? KNOWN_GROWTH : train > 0.9 * this.#bps ? PROVED_GROWTH : GROWTH;
    this.#set(Math.min(seen, this.#bps * factor ** (elapsedMs / 1_000)));
  }

  #set(bps: number): void {
    this.#bps = Math.min(MOST_BPS, Math.max(LEAST_BPS, bps));
  }
}
