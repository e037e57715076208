import type { PacketReport } from './bandwidth-history.ts';

/** Packets sent within this time are one group, ms: what leaves in one burst queues behind itself and says nothing. */
const GROUP_MS = 5;
const WINDOW = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
/** Groups after which the trend has its full weight. */
const FULL_WEIGHT = 60;
const OVERUSE_MS = 10;
const FIRST_THRESHOLD = 12.5;
const [LEAST_THRESHOLD, MOST_THRESHOLD] = [6, 600];
/** How fast the threshold rises to and falls with the trend, 1/ms. */
const [RISE, FALL] = [0.0087, 0.039];
/** A trend so far above the threshold is a single spike, and does not raise it. */
const SPIKE = 15;
/** A pause after which nothing before it counts, ms. */
const PAUSE_MS = 2_000;

export type Trend = 'growing' | 'steady' | 'shrinking';

interface Group {
  readonly firstSentAt: number;
  sentAt: number;
  arrivedAt: number;
}

/**
 * Whether the queues on the way grow, from how much later than its predecessor each group of packets came: the trendline filter
 * and the overuse detector with its adaptive threshold of Google Congestion Control (draft-ietf-rmcat-gcc-02 §5.3 to §5.5; Carlucci et
 * al., "Analysis and Design of the Google Congestion Control for WebRTC", 2016), with the numbers that browsers use.
 */
export class DelayTrend {
  #group: Group | null = null;
  #before: Group | null = null;
  #firstArrival = 0;
  #accumulated = 0;
  #smoothed = 0;
  #deltas = 0;
  readonly #points: { readonly at: number; readonly delay: number }[] = [];
  #threshold = FIRST_THRESHOLD;
  #updatedAt: number | null = null;
  #overMs = 0;
  #lastTrend = 0;
  #state: Trend = 'steady';

  get state(): Trend {
    return this.#state;
  }

  /** In order of sending. */
  push({ sentAt, arrivedAt }: PacketReport): void {
    if (arrivedAt === null) return;
    const group = this.#group;
    if (group && sentAt - group.firstSentAt <= GROUP_MS && sentAt >= group.firstSentAt) {
      group.sentAt = Math.max(group.sentAt, sentAt);
      group.arrivedAt = Math.max(group.arrivedAt, arrivedAt);
      return;
    }
    if (group && sentAt < group.firstSentAt) return; // late: its group has been counted
    if (group && this.#before) this.#onGroup(this.#before, group);
    this.#before = group;
    this.#group = { firstSentAt: sentAt, sentAt, arrivedAt };
  }

  /** Another way with other delays: nothing before it counts. */
  reset(): void {
    this.#group = this.#before = null;
    this.#points.length = 0;
    this.#accumulated = this.#smoothed = this.#deltas = this.#overMs = this.#lastTrend = 0;
    this.#state = 'steady';
  }

  #onGroup(before: Group, group: Group): void {
    const sent = group.sentAt - before.sentAt;
    const later = group.arrivedAt - before.arrivedAt - sent;
    if (sent > PAUSE_MS) return this.reset();
    if (this.#points.length === 0) this.#firstArrival = group.arrivedAt;
    this.#deltas = Math.min(FULL_WEIGHT, this.#deltas + 1);
    this.#accumulated += later;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    this.#points.push({ at: group.arrivedAt - this.#firstArrival, delay: this.#smoothed });
    if (this.#points.length > WINDOW) this.#points.shift();
    if (this.#points.length === WINDOW) this.#detect(slope(this.#points) * this.#deltas * GAIN, sent, group.arrivedAt);
  }

  #detect(trend: number, sentMs: number, now: number): void {
    if (trend > this.#threshold) {
      this.#overMs += sentMs;
      if (this.#overMs > OVERUSE_MS && trend >= this.#lastTrend) this.#state = 'growing';
    } else {
      this.#overMs = 0;
      this.#state = trend < -this.#threshold ? 'shrinking' : 'steady';
    }
    this.#lastTrend = trend;
    const size = Math.abs(trend);
    if (size <= this.#threshold + SPIKE) {
      const elapsed = Math.min(100, Math.max(0, now - (this.#updatedAt ?? now)));
      this.#threshold += (size < this.#threshold ? FALL : RISE) * (size - this.#threshold) * elapsed;
      this.#threshold = Math.min(MOST_THRESHOLD, Math.max(LEAST_THRESHOLD, this.#threshold));
    }
    this.#updatedAt = now;
  }
}

/** Of the line of least squares through the points. Plain loops: it is asked for with each group of packets. */
function slope(points: readonly { readonly at: number; readonly delay: number }[]): number {
  let [at, delay] = [0, 0];
  for (const point of points) {
    at += point.at / points.length;
    delay += point.delay / points.length;
  }
  let [spread, together] = [0, 0];
  for (const point of points) {
    spread += (point.at - at) ** 2;
    together += (point.at - at) * (point.delay - delay);
  }
  return spread === 0 ? 0 : together / spread;
}
