import type { Clock, Timer } from '../../electron/base/clock.ts';
import { seededRandom } from './seeded-random.ts';

/** What a link does to its packets. All of it at once; the least of everything is a perfect wire. */
export interface Impairment {
  /** Share of packets lost, each by itself, 0..1. */
  readonly loss: number;
  /** Losses in a row (Gilbert): the share of packets that begin one, 0..1, and how many packets are lost then in the mean, >= 1. */
  readonly bursts: { readonly share: number; readonly length: number };
  /** One way, ms. */
  readonly delayMs: number;
  /** Up to so much more, evenly spread, ms: packets overtake each other by it. */
  readonly jitterMs: number;
  /** Share of packets that come twice, 0..1. */
  readonly duplicates: number;
  /** Kilobits a second; Infinity: no limit. */
  readonly kbps: number;
  /** Bytes that may wait where the rate is limited; what finds no room is dropped (tail drop). */
  readonly queueBytes: number;
  /** Nothing comes through. */
  readonly cut: boolean;
}

export const PERFECT: Impairment = {
  loss: 0,
  bursts: { share: 0, length: 1 },
  delayMs: 0,
  jitterMs: 0,
  duplicates: 0,
  kbps: Infinity,
  queueBytes: 64 * 1024,
  cut: false,
};

export interface LinkCounters {
  readonly sent: number;
  /** By `loss` and `bursts`. */
  readonly lost: number;
  /** For want of room in the queue. */
  readonly dropped: number;
  readonly duplicated: number;
  readonly delivered: number;
  readonly deliveredBytes: number;
}

interface Flying {
  readonly at: number;
  readonly deliver: () => void;
}

/** One direction of an imagined network. The same seed and the same packets at the same times: the same fate. */
export class ImpairedLink {
  readonly #clock: Clock;
  readonly #random: () => number;
  #impairment: Impairment;
  #inBurst = false;
  /** When the last byte now in the queue will have left it. */
  #busyUntil = 0;
  /** In order of arrival. */
  readonly #flying: Flying[] = [];
  #timer: Timer | null = null;
  readonly #counters = { sent: 0, lost: 0, dropped: 0, duplicated: 0, delivered: 0, deliveredBytes: 0 };

  constructor(options: { clock: Clock; seed: number; impairment?: Partial<Impairment> }) {
    this.#clock = options.clock;
    this.#random = seededRandom(options.seed);
    this.#impairment = { ...PERFECT, ...options.impairment };
  }

  get counters(): LinkCounters {
    return { ...this.#counters };
  }

  /** For the packets that come from now on; what is under way stays so. */
  change(impairment: Partial<Impairment>): void {
    this.#impairment = { ...this.#impairment, ...impairment };
  }

  /** How long a packet sent now would wait for its turn, ms. */
  get queueMs(): number {
    return Math.max(0, this.#busyUntil - this.#clock.monotonic());
  }

  /** @param deliver called when the packet arrives, as often as it does */
  send(bytes: number, deliver: () => void): void {
    const { kbps, queueBytes, cut } = this.#impairment;
    const now = this.#clock.monotonic();
    this.#counters.sent += 1;
    // Each packet draws the same number of lots, so that one setting does not change the fate that another has in store.
    const [first, second, third, fourth] = [this.#random(), this.#random(), this.#random(), this.#random()];
    const waits = this.queueMs;
    if (kbps !== Infinity && waits * kbps > queueBytes * 8) {
      this.#counters.dropped += 1;
      return;
    }
    this.#busyUntil = kbps === Infinity ? now : now + waits + (bytes * 8) / kbps;
    if (cut || this.#isLost(first, second)) {
      this.#counters.lost += 1;
      return;
    }
    this.#fly(bytes, third, deliver);
    if (fourth < this.#impairment.duplicates) {
      this.#counters.duplicated += 1;
      this.#fly(bytes, second, deliver);
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#flying.length = 0;
  }

  #isLost(alone: number, burst: number): boolean {
    const { loss, bursts } = this.#impairment;
    this.#inBurst = this.#inBurst ? burst >= 1 / bursts.length : burst < bursts.share;
    return this.#inBurst || alone < loss;
  }

  #fly(bytes: number, lot: number, deliver: () => void): void {
    const { delayMs, jitterMs } = this.#impairment;
    const at = this.#busyUntil + delayMs + lot * jitterMs;
    const landed = () => {
      this.#counters.delivered += 1;
      this.#counters.deliveredBytes += bytes;
      deliver();
    };
    if (at <= this.#clock.monotonic() && this.#flying.length === 0) return landed();
    let index = this.#flying.length;
    while (index > 0 && (this.#flying[index - 1]?.at ?? 0) > at) index -= 1;
    this.#flying.splice(index, 0, { at, deliver: landed });
    if (index === 0) this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const [next] = this.#flying;
    if (next) this.#timer = this.#clock.setTimeout(() => this.#land(), Math.max(0, next.at - this.#clock.monotonic()));
  }

  #land(): void {
    const now = this.#clock.monotonic();
    let count = 0;
    // Timers are late by a millisecond or so; what would have landed by then does.
    while ((this.#flying[count]?.at ?? Infinity) <= now) count += 1;
    for (const { deliver } of this.#flying.splice(0, count)) deliver();
    this.#arm();
  }
}
