import { pts90k, type Pts90k } from '../../base/units.ts';

const WRAP = 2 ** 32;

/** 32-bit RTP timestamps (RFC 3550 §5.1) as times that do not wrap. The first one keeps its value. */
export class TimestampUnwrapper {
  #last: number | null = null;

  /** The time of `timestamp`, which lies within 2^31 ticks (6.6 hours at 90 kHz) of the one before; never negative. */
  unwrap(timestamp: number): Pts90k {
    const value = this.peek(timestamp);
    this.#last = value;
    return value;
  }

  /** The same without moving on: for sender reports (RFC 3550 §6.4.1), whose timestamps lie beside the packets'. */
  peek(timestamp: number): Pts90k {
    const unsigned = timestamp >>> 0;
    if (this.#last === null) return pts90k(unsigned);
    const value = this.#last + ((unsigned - this.#last) | 0);
    return pts90k(value < 0 ? value + WRAP : value);
  }
}
