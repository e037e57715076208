import type { Clock, Timer } from '../../electron/base/clock.ts';
import { MAX_TWCC_PACKETS, writeTwcc } from './twcc.ts';

/** Feedback goes out so long after the first packet it tells of, ms (draft-ietf-rmcat-gcc-02 §5: 50 to 250): each costs a sealed packet. */
const EVERY_MS = 150;
/** Or after so many packets. */
const MOST_PACKETS = 256;
/** Packets further back are not told of any more. */
const WINDOW = MAX_TWCC_PACKETS;
const SENDER_SSRC = 1;

/** The viewer's side of transport-wide feedback: notes when packets arrive, and tells the camera. */
export class TwccRecorder {
  readonly #clock: Clock;
  readonly #send: (rtcp: Buffer<ArrayBuffer>) => void;
  /** Arrivals by the extended number modulo WINDOW. */
  readonly #arrivals = new Float64Array(WINDOW).fill(NaN);
  /** First number not told of, or told of as missing and come since; extended. Null before the first packet. */
  #base: number | null = null;
  #highest = 0;
  #pending = 0;
  #feedbacks = 0;
  #mediaSsrc = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: { clock: Clock; send: (rtcp: Buffer<ArrayBuffer>) => void }) {
    this.#clock = options.clock;
    this.#send = options.send;
  }

  get feedbacks(): number {
    return this.#feedbacks;
  }

  /**
   * A packet that came for the first time, and not because it was asked for: a retransmission says nothing about the way.
   * @param number the transport-wide one, 16 bits
   */
  push(number: number, ssrc: number): void {
    if (this.#closed) return;
    if (this.#base === null) {
      this.#base = 0x10000 + number;
      this.#highest = this.#base - 1;
    }
    const extended = this.#highest + (((number - this.#highest) << 16) >> 16);
    if (extended <= this.#highest - WINDOW) return;
    if (extended > this.#highest) {
      // A jump: the numbers in between are of no use to anybody, and those before have no answer by now.
      if (extended - this.#base >= WINDOW) this.#base = extended;
      for (let skipped = Math.max(this.#highest + 1, extended - WINDOW + 1); skipped < extended; skipped += 1)
        this.#arrivals[skipped % WINDOW] = NaN;
      this.#highest = extended;
    } else if (!Number.isNaN(this.#arrivals[extended % WINDOW])) return;
    // What came late was told of as missing: the next feedback begins with it.
    this.#base = Math.min(this.#base, extended);
    this.#arrivals[extended % WINDOW] = this.#clock.monotonic();
    this.#mediaSsrc = ssrc;
    this.#pending += 1;
    if (this.#pending >= MOST_PACKETS) this.#flush();
    else this.#timer ??= this.#clock.setTimeout(() => this.#flush(), EVERY_MS);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#pending = 0;
    if (this.#base === null || this.#base > this.#highest) return;
    const from = this.#base;
    this.#base = this.#highest + 1;
    const arrivals = Array.from({ length: this.#base - from }, (_, index) => this.#arrivals[(from + index) % WINDOW] ?? NaN);
    const packet = writeTwcc({ base: from & 0xffff, arrivals, count: this.#feedbacks & 0xff }, SENDER_SSRC, this.#mediaSsrc);
    if (!packet) return;
    this.#feedbacks += 1;
    this.#send(packet);
  }
}
