import type { Clock } from '../../base/clock.ts';

export interface RtpPacket {
  /** 16 bits. */
  readonly sequenceNumber: number;
  /** 32 bits. */
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
}

export interface ReorderOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long a hole may hold up what follows, in ms of `clock`: about the round trips that retransmissions need. */
  readonly maxWaitMs?: number;
  /** How many packets may wait behind a hole, at most 1024. */
  readonly maxWaitPackets?: number;
}

/** A packet in order, and how many before it are given up. */
export interface OrderedPacket {
  readonly packet: RtpPacket;
  readonly lostBefore: number;
}

const SLOTS = 2048;

/**
 * Puts RTP packets in order of their 16-bit sequence numbers (RFC 3550 §A.1), holding back what comes behind a hole until
 * the hole is filled by a retransmission or given up. Holds at most `maxWaitPackets` packets.
 */
export class ReorderBuffer {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #maxWaitMs: number;
  readonly #maxWaitPackets: number;
  readonly #waiting = new Map<number, { packet: RtpPacket; arrivedAt: number }>();
  /** Extended sequence number that is due; null before the first packet. */
  #next: number | null = null;
  #blockedSince = 0;
  /** A packet far from all others; should its successor come, the sender has begun anew. */
  #stray: RtpPacket | null = null;
  readonly counters = { duplicate: 0, late: 0, lost: 0, restarts: 0 };

  constructor(options: ReorderOptions) {
    this.#clock = options.clock;
    this.#maxWaitMs = options.maxWaitMs ?? 250;
    this.#maxWaitPackets = Math.min(options.maxWaitPackets ?? 512, SLOTS / 2);
  }

  /** What may be passed on now that `packet` is here. */
  push(packet: RtpPacket): OrderedPacket[] {
    const out: OrderedPacket[] = [];
    const sequence = packet.sequenceNumber & 0xffff;
    if (this.#next === null) this.#next = 0x10000 + sequence;
    // Nearest to the due number, so that 65535 is followed by 0.
    let extended = this.#next + (((sequence - this.#next) << 16) >> 16);
    if (Math.abs(extended - this.#next) >= SLOTS) {
      const stray = this.#stray;
      this.#stray = packet;
      if (!stray || ((stray.sequenceNumber + 1) & 0xffff) !== sequence) return out;
      this.#giveUpTo(Infinity, out);
      this.counters.restarts += 1;
      out.push({ packet: stray, lostBefore: 1 });
      extended = this.#next = 0x10000 + sequence;
    }
    this.#stray = null;
    if (extended < this.#next) {
      this.counters.late += 1;
      return out;
    }
    if (this.#waiting.has(extended)) {
      this.counters.duplicate += 1;
      return out;
    }
    if (extended === this.#next && this.#waiting.size === 0) {
      this.#next = extended + 1;
      out.push({ packet, lostBefore: 0 });
      return out;
    }
    const now = this.#clock.monotonic();
    if (this.#waiting.size === 0) this.#blockedSince = now;
    this.#waiting.set(extended, { packet, arrivedAt: now });
    this.#advance(out, 0);
    this.#expire(now, out);
    return out;
  }

  /** Gives up what has waited too long, when no packet comes to do so. */
  poll(): OrderedPacket[] {
    const out: OrderedPacket[] = [];
    this.#expire(this.#clock.monotonic(), out);
    return out;
  }

  #expire(now: number, out: OrderedPacket[]): void {
    while (this.#waiting.size > 0 && (now - this.#blockedSince > this.#maxWaitMs || this.#waiting.size > this.#maxWaitPackets)) {
      this.#giveUpTo(Math.min(...this.#waiting.keys()), out);
    }
  }

  /** Passes on all that waits below or at `end`, and what follows on it. */
  #giveUpTo(end: number, out: OrderedPacket[]): void {
    while (this.#waiting.size > 0 && this.#next !== null) {
      const first = Math.min(...this.#waiting.keys());
      if (first > end) return;
      const lost = first - this.#next;
      this.counters.lost += lost;
      this.#next = first;
      this.#advance(out, lost);
      if (end !== Infinity) return;
    }
  }

  /** Passes on the run of packets that begins with the due one. */
  #advance(out: OrderedPacket[], lostBefore: number): void {
    if (this.#next === null) return;
    const before = this.#next;
    for (let found = this.#waiting.get(this.#next); found; found = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      out.push({ packet: found.packet, lostBefore: this.#next === before ? lostBefore : 0 });
      this.#next += 1;
    }
    if (this.#next === before || this.#waiting.size === 0) return;
    this.#blockedSince = Infinity;
    for (const { arrivedAt } of this.#waiting.values()) this.#blockedSince = Math.min(this.#blockedSince, arrivedAt);
  }
}
