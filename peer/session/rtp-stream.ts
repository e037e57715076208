import { randomInt } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import type { UtcMs } from '../../electron/base/units.ts';
import { ntpTime } from './ntp.ts';
import type { Transport } from './transport.ts';

type Wire = Pick<Transport, 'seal' | 'sendSealed' | 'sendSenderReport'> & {
  /** Sends once more what was sent; false when it may not, for now. */
  repeatSealed?(sealed: Buffer): boolean;
};

export interface RtpFrame {
  readonly payloads: readonly Uint8Array[];
  /** 32 bits, in the stream's clock. */
  readonly timestamp: number;
  /** pts - dts, 1/90000 s. */
  readonly composition: number;
  /** When it was captured. */
  readonly utc: UtcMs;
}

/** Packets kept for retransmission: two seconds of 4 Mbit/s. */
const HISTORY = 1024;
const MAX_REPEATS = 8;
const REPORT_MS = 1_000;

/**
 * Sends one SSRC: numbers its packets, keeps the sealed ones to repeat them, reports its clock (RFC 3550 §6.4.1).
 *
 * What is lost is repeated byte for byte on the same SSRC (RFC 4585 §6.2.1 leaves that open), and not on a stream of its own
 * (RTX, RFC 4588): a repeated packet needs no second sealing, no SSRC and no number of its own, every receiver takes it (SRTP's
 * replay window has not seen it), browsers too when RTX is not agreed on. What RTX would tell, which packet is a repetition, the viewer knows:
 * it has asked for it.
 */
export class RtpStream {
  readonly ssrc: number;
  readonly #payloadType: number;
  readonly #wire: Wire;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #history: ({ sequenceNumber: number; sealed: Buffer; repeats: number } | undefined)[] = [];
  /** Begins in the lower half, so that a loss at the start cannot hide a wrap from SRTP (RFC 3711 §3.3.1). */
  #sequenceNumber = randomInt(0x8000);
  /** Of its first packet. */
  readonly first = this.#sequenceNumber;
  #packets = 0;
  #octets = 0;
  #repeated = 0;
  #reportedAt = -Infinity;

  constructor(options: { ssrc: number; payloadType: number; wire: Wire; clock: Pick<Clock, 'monotonic'> }) {
    this.ssrc = options.ssrc;
    this.#payloadType = options.payloadType;
    this.#wire = options.wire;
    this.#clock = options.clock;
  }

  /** Sequence number of the last packet that was sent; null before the first. */
  get last(): number | null {
    return this.#packets === 0 ? null : (this.#sequenceNumber - 1) & 0xffff;
  }

  get counters(): { readonly packets: number; readonly octets: number; readonly repeated: number } {
    return { packets: this.#packets, octets: this.#octets, repeated: this.#repeated };
  }

  /** Sends the packet `index` of a frame; the last one carries the marker. */
  send(frame: RtpFrame, index: number): void {
    const payload = frame.payloads[index];
    if (!payload) return;
    const sequenceNumber = this.#sequenceNumber;
    const sealed = this.#wire.seal({
      ssrc: this.ssrc,
      sequenceNumber,
      timestamp: frame.timestamp,
      marker: index === frame.payloads.length - 1,
      payloadType: this.#payloadType,
      payload,
      composition: index === 0 ? frame.composition : 0,
    });
    if (!sealed) return;
    this.#sequenceNumber = (sequenceNumber + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += payload.length;
    this.#history[sequenceNumber % HISTORY] = { sequenceNumber, sealed, repeats: 0 };
    this.#wire.sendSealed(sealed);
    const now = this.#clock.monotonic();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    const { timestamp: rtp } = frame;
    this.#wire.sendSenderReport({ ssrc: this.ssrc, ntp: ntpTime(frame.utc), rtp, packets: this.#packets, octets: this.#octets });
  }

  /** Repeats what the receiver misses, where it is still there; each packet a few times at most. */
  repeat(sequenceNumbers: readonly number[]): void {
    for (const sequenceNumber of sequenceNumbers.slice(0, HISTORY)) {
      const kept = this.#history[sequenceNumber % HISTORY];
      if (kept?.sequenceNumber !== sequenceNumber || kept.repeats >= MAX_REPEATS) continue;
      if (this.#wire.repeatSealed?.(kept.sealed) === false) return;
      kept.repeats += 1;
      this.#repeated += 1;
      if (!this.#wire.repeatSealed) this.#wire.sendSealed(kept.sealed);
    }
  }
}
