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
  /** How long a hole may hold up what follows, in ms of `clock`: as long as a retransmission can still come. */
  readonly waitMs?: () => number;
  /** How many packets may wait behind a hole, at most 2048. */
  readonly maxWaitPackets?: number;
  /** Sequence number the stream begins with; else it begins with the first packet that comes. */
  readonly first?: number | undefined;
}

/** A packet in order, and how many before it are given up. */
export interface OrderedPacket {
  readonly packet: RtpPacket;
  readonly lostBefore: number;
}

export interface ReorderCounters {
  readonly duplicate: number;
  /** Came when it had been given up. */
  readonly late: number;
  readonly lost: number;
  /** Jumps of the sequence numbers: the sender began anew. */
  readonly restarts: number;
}

const SLOTS = 4096;
const WAIT_MS = 250;
/** A second at 8 Mbit/s. */
const WAIT_PACKETS = 1024;
/**
 * Time counts in steps of at most so much, ms. When this program was busy with something else for longer, the packets that came
 * meanwhile lie unread in the system's buffer: nothing is given up on account of time in which nothing was read.
 */
const STEP_MS = 100;
/** The delay that is shown is the greatest of the last one to two such periods, ms. */
const SHOWN_MS = 2_500;

/**
 * Puts RTP packets in order of their 16-bit sequence numbers (RFC 3550 §A.1): the jitter buffer. It delays nothing while all is
 * well. What comes behind a hole it holds back until the hole is filled by a retransmission, or until none can come any more.
 */
export class ReorderBuffer {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #waitMs: () => number;
  readonly #maxWaitPackets: number;
  readonly #waiting = new Map<number, { packet: RtpPacket; arrivedAt: number }>();
  /** Extended sequence number that is due; null before the first packet. */
  #next: number | null = null;
  #blockedSince = 0;
  /** A packet far from all others; should its successor come, the sender has begun anew. */
  #stray: RtpPacket | null = null;
  #seenAt: number;
  #time = 0;
  #shown = { since: 0, now: 0, before: 0 };
  readonly #counters = { duplicate: 0, late: 0, lost: 0, restarts: 0 };

  constructor(options: ReorderOptions) {
    this.#clock = options.clock;
    this.#seenAt = options.clock.monotonic();
    this.#waitMs = options.waitMs ?? (() => WAIT_MS);
    this.#maxWaitPackets = Math.min(options.maxWaitPackets ?? WAIT_PACKETS, SLOTS / 2);
    if (options.first !== undefined) this.#next = 0x10000 + options.first;
  }

  get counters(): ReorderCounters {
    return { ...this.#counters };
  }

  /** How long packets were held back of late, at most, ms; 0 while all come in order. */
  get delayMs(): number {
    this.#advanceTime();
    const held = this.#waiting.size > 0 ? this.#time - this.#blockedSince : 0;
    const { now, before, since } = this.#shown;
    const age = this.#time - since;
    return Math.max(held, age > 2 * SHOWN_MS ? 0 : now, age > SHOWN_MS ? 0 : before);
  }

  /** Whether all up to this sequence number has been passed on or given up. */
  isThrough(sequenceNumber: number): boolean {
    return this.#next !== null && ((sequenceNumber - this.#next) << 16) >> 16 < 0;
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
      this.#giveUpAll(out);
      this.#counters.restarts += 1;
      out.push({ packet: stray, lostBefore: 1 });
      extended = this.#next = 0x10000 + sequence;
    }
    this.#stray = null;
    if (extended < this.#next) {
      this.#counters.late += 1;
      return out;
    }
    if (this.#waiting.has(extended)) {
      this.#counters.duplicate += 1;
      return out;
    }
    if (extended === this.#next && this.#waiting.size === 0) {
      this.#next = extended + 1;
      out.push({ packet, lostBefore: 0 });
      return out;
    }
    this.#advanceTime();
    if (this.#waiting.size === 0) this.#blockedSince = this.#time;
    this.#waiting.set(extended, { packet, arrivedAt: this.#time });
    this.#advance(out, 0);
    this.#expire(out);
    return out;
  }

  /** Gives up what has waited too long, when no packet comes to do so. To be called at least ten times a second while any waits. */
  poll(): OrderedPacket[] {
    const out: OrderedPacket[] = [];
    this.#advanceTime();
    this.#expire(out);
    return out;
  }

  #advanceTime(): void {
    const now = this.#clock.monotonic();
    this.#time += Math.min(STEP_MS, now - this.#seenAt);
    this.#seenAt = now;
  }

  #expire(out: OrderedPacket[]): void {
    while (this.#waiting.size > 0 && (this.#time - this.#blockedSince > this.#waitMs() || this.#waiting.size > this.#maxWaitPackets)) {
      this.#giveUp(out);
    }
  }

  /** Gives up the first hole, and passes on what follows it. */
  #giveUp(out: OrderedPacket[]): void {
    if (this.#next === null) return;
    let first = Infinity;
    for (const waiting of this.#waiting.keys()) first = Math.min(first, waiting);
    const lost = first - this.#next;
    this.#counters.lost += lost;
    this.#next = first;
    this.#advance(out, lost);
  }

  #giveUpAll(out: OrderedPacket[]): void {
    while (this.#waiting.size > 0) this.#giveUp(out);
  }

  /** Passes on the run of packets that begins with the due one. */
  #advance(out: OrderedPacket[], lostBefore: number): void {
    if (this.#next === null) return;
    const before = this.#next;
    for (let found = this.#waiting.get(this.#next); found; found = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      out.push({ packet: found.packet, lostBefore: this.#next === before ? lostBefore : 0 });
      this.#show(this.#time - found.arrivedAt);
      this.#next += 1;
    }
    if (this.#next === before || this.#waiting.size === 0) return;
    this.#blockedSince = Infinity;
    for (const { arrivedAt } of this.#waiting.values()) this.#blockedSince = Math.min(this.#blockedSince, arrivedAt);
  }

  #show(heldMs: number): void {
    const { since, now } = this.#shown;
    if (this.#time - since > SHOWN_MS) this.#shown = { since: this.#time, now: 0, before: this.#time - since > 2 * SHOWN_MS ? 0 : now };
    this.#shown.now = Math.max(this.#shown.now, heldMs);
  }
}
