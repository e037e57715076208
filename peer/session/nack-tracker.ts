import type { Clock, Timer } from '../../electron/base/clock.ts';
import { RepairTime } from './repair-time.ts';

interface Missing {
  tries: number;
  since: number;
  /** For the last time, and for the time before. */
  askedAt: number;
  askedBefore: number;
  next: number;
}

/**
 * What a packet turned out to be: new, late but not asked for, come after it was asked for, or known already. What is new or
 * late tells of the way; what is repaired or known tells of nothing.
 */
export type Arrival = 'new' | 'late' | 'repaired' | 'known';

/** What is missing of one stream at most; a larger hole is left to the next keyframe. */
const MAX_MISSING = 512;
/** What falls due so soon after the first is asked for with it, ms. */
const TOGETHER_MS = 2;
const LOSS_WINDOW_MS = 5_000;
/** Numbers in one request. */
const MAX_REQUEST = 128;
/** Packets asked for: so many for each that comes, so many a second besides, and so many at once. More would choke a way that is full. */
const [SHARE, EACH_SECOND, AT_ONCE] = [0.5, 50, 128];
/** A timer that comes so much later than it should, ms, comes before the packets that waited as long to be read. */
const STALL_MS = 30;

/**
 * Sees which packets of a stream are missing and asks for them: as soon as they are not merely late, then once each round trip, for
 * as long as the jitter buffer waits for them. Works across the wrap of the 16-bit sequence numbers. Counts losses as
 * they were before repair.
 */
export class NackTracker {
  readonly #clock: Clock;
  readonly #request: (sequenceNumbers: readonly number[]) => void;
  readonly #time: RepairTime;
  readonly #missing = new Map<number, Missing>();
  /** Highest sequence number so far, extended; null before the first packet. */
  #highest: number | null = null;
  /** The first that came. */
  #first: number | null = null;
  #timer: { readonly at: number; readonly timer: Timer } | null = null;
  #isAfterOutage = false;
  #allowance = AT_ONCE;
  #allowedAt: number;
  #window: { at: number; expected: number; lost: number }[] = [];
  readonly #counters = { requested: 0, repaired: 0, late: 0, givenUp: 0 };
  #closed = false;

  constructor(options: { clock: Clock; rttMs: () => number; request: (sequenceNumbers: readonly number[]) => void }) {
    this.#clock = options.clock;
    this.#time = new RepairTime(options.rttMs);
    this.#request = options.request;
    this.#allowedAt = options.clock.monotonic();
  }

  get counters(): { readonly requested: number; readonly repaired: number; readonly late: number; readonly givenUp: number } {
    return { ...this.#counters };
  }

  /** How long after a hole its packets may still come, ms: so long it pays to wait for them. */
  get patienceMs(): number {
    return this.#time.patienceMs;
  }

  /** The stream began with this number, be it that its packet is missing. */
  begin(sequenceNumber: number): void {
    if (this.#closed) return;
    if (this.#highest === null || this.#first === null) {
      this.#highest = 0x10000 + sequenceNumber - 1;
      this.#first = this.#highest + 1;
      return;
    }
    const ahead = ((this.#first - sequenceNumber) << 16) >> 16;
    if (ahead > 0 && ahead <= MAX_MISSING) {
      this.#count(this.#clock.monotonic(), ahead, ahead);
      this.#miss(this.#first - ahead, this.#first);
      this.#first -= ahead;
    }
  }

  push(sequenceNumber: number): Arrival {
    if (this.#closed) return 'known';
    const now = this.#clock.monotonic();
    this.#allowance = Math.min(AT_ONCE, this.#allowance + SHARE);
    if (this.#highest === null) {
      this.#highest = this.#first = 0x10000 + sequenceNumber;
      this.#count(now, 1, 0);
      return 'new';
    }
    const delta = ((sequenceNumber - this.#highest) << 16) >> 16;
    const extended = this.#highest + delta;
    if (delta <= 0) return this.#found(extended, now);
    const hole = delta - 1;
    this.#count(now, delta, hole);
    this.#highest = extended;
    if (hole > MAX_MISSING) this.#drop();
    else if (!this.#isAfterOutage) this.#miss(extended - hole, extended);
    this.#isAfterOutage = false;
    return 'new';
  }

  /** Nothing came through for a while: nobody waits any more for what was sent meanwhile. */
  outage(): void {
    this.#drop();
    this.#isAfterOutage = true;
  }

  /** Expected and lost packets of the last 5 s. */
  get loss(): { expected: number; lost: number } {
    this.#prune(this.#clock.monotonic());
    let expected = 0;
    let lost = 0;
    for (const slot of this.#window) {
      expected += slot.expected;
      lost += slot.lost;
    }
    return { expected, lost: Math.max(0, lost) };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.timer.cancel();
    this.#missing.clear();
  }

  #found(extended: number, now: number): Arrival {
    const found = this.#missing.get(extended);
    if (!found) return 'known';
    this.#missing.delete(extended);
    const asked = found.tries > 0 ? now - found.askedAt : null;
    // No answer is quicker than the shortest round trip: it was on its way already.
    const isSooner = asked !== null && asked < this.#time.shortestMs / 2;
    if (asked === null || (found.tries === 1 && isSooner)) {
      this.#time.late(now - found.since);
      this.#counters.late += 1;
      this.#count(now, 0, -1);
      return asked === null ? 'late' : 'repaired';
    }
    if (found.tries === 1) this.#time.repaired(asked);
    else if (found.tries === 2 && isSooner) this.#time.repaired(now - found.askedBefore);
    this.#counters.repaired += 1;
    return 'repaired';
  }

  /** The packets from `from` up to `end`, exclusive, are not there. */
  #miss(from: number, end: number): void {
    const since = this.#clock.monotonic();
    const next = since + this.#time.reorderMs;
    for (let missed = from; missed < end; missed += 1) this.#missing.set(missed, { tries: 0, since, askedAt: 0, askedBefore: 0, next });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= MAX_MISSING) break;
      this.#missing.delete(oldest);
      this.#counters.givenUp += 1;
    }
    if (from < end) this.#arm(next);
  }

  #drop(): void {
    this.#counters.givenUp += this.#missing.size;
    this.#missing.clear();
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    const lateMs = now - (this.#timer?.at ?? now);
    this.#timer = null;
    if (lateMs > STALL_MS) return this.#resume(lateMs, now);
    this.#allowance = Math.min(AT_ONCE, this.#allowance + ((now - this.#allowedAt) * EACH_SECOND) / 1_000);
    this.#allowedAt = now;
    const { patienceMs, repeatMs } = this.#time;
    const due: number[] = [];
    let soonest = Infinity;
    for (const [extended, missing] of this.#missing) {
      if (now - missing.since > patienceMs) {
        this.#missing.delete(extended);
        this.#counters.givenUp += 1;
        continue;
      }
      if (missing.next <= now + TOGETHER_MS && due.length < MAX_REQUEST && this.#allowance >= 1) {
        this.#allowance -= 1;
        missing.tries += 1;
        missing.askedBefore = missing.askedAt;
        missing.askedAt = now;
        missing.next = now + repeatMs;
        due.push(extended & 0xffff);
      }
      soonest = Math.min(soonest, missing.next);
    }
    if (due.length > 0) {
      this.#counters.requested += due.length;
      this.#request(due);
    }
    if (this.#missing.size > 0) this.#arm(Math.max(soonest, now + 5));
  }

  /** This program was busy with something else: what has arrived meanwhile is read first, and the time does not count. */
  #resume(lateMs: number, now: number): void {
    for (const missing of this.#missing.values()) {
      missing.since += lateMs;
      missing.next = Math.max(missing.next, now + STALL_MS / 3);
    }
    this.#arm(now + STALL_MS / 3);
  }

  #arm(at: number): void {
    if (this.#closed || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const delay = Math.max(1, at - this.#clock.monotonic());
    this.#timer = { at, timer: this.#clock.setTimeout(() => this.#tick(), delay) };
  }

  #count(now: number, expected: number, lost: number): void {
    const last = this.#window.at(-1);
    if (last && now - last.at < 250) {
      last.expected += expected;
      last.lost += lost;
    } else {
      this.#window.push({ at: now, expected, lost });
      this.#prune(now);
    }
  }

  #prune(now: number): void {
    while (this.#window[0] && now - this.#window[0].at > LOSS_WINDOW_MS) this.#window.shift();
  }
}
