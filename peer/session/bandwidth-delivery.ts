import type { PacketReport } from './bandwidth-history.ts';

/** Rates are taken over this time of arrivals, ms. */
const WINDOW_MS = 500;
/** The standing queue is the least delay of this time, ms. */
const STANDING_MS = 200;
const STANDING_PACKETS = 5;
/** A packet that waited longer than this came right behind the one before it, ms. */
const QUEUED_MS = 10;
/** Packets, and ms, that a rate is taken from at least. */
const BUSY_PACKETS = 10;
const BUSY_MS = 20;
/** Packets in a row whose rate shows what the way has carried at once. */
const TRAIN = 10;
/** The least delay is that of the last one to two such periods, ms: clocks drift, ways change. */
const BASE_MS = 30_000;
const MOST = 4096;
const TIDY_EACH = 64;

interface Arrival {
  readonly at: number;
  readonly sentAt: number;
  readonly bytes: number;
  /** Time since the arrival before, ms. */
  readonly gapMs: number;
  readonly queueMs: number;
}

/** What arrives at the other end: how fast, and how long it waited in queues on the way. */
export class Delivery {
  readonly #arrivals: Arrival[] = [];
  #latest = -Infinity;
  #tidyAt = 0;
  #base = { since: -Infinity, now: Infinity, before: Infinity };

  push({ sentAt, arrivedAt, bytes }: PacketReport): void {
    if (arrivedAt === null) return;
    const delay = arrivedAt - sentAt;
    if (sentAt - this.#base.since > BASE_MS) this.#base = { since: sentAt, now: delay, before: this.#base.now };
    this.#base.now = Math.min(this.#base.now, delay);
    const queueMs = delay - Math.min(this.#base.now, this.#base.before);
    const gapMs = Math.max(0, arrivedAt - this.#latest);
    this.#latest = Math.max(this.#latest, arrivedAt);
    this.#arrivals.push({ at: this.#latest, sentAt, bytes, gapMs, queueMs });
    // Not with each packet: to shift a long list costs more than to keep a few too many for a moment.
    if (this.#arrivals.length >= this.#tidyAt) this.#tidy();
  }

  #tidy(): void {
    let old = 0;
    while ((this.#arrivals[old]?.at ?? Infinity) < this.#latest - WINDOW_MS || this.#arrivals.length - old > MOST) old += 1;
    this.#arrivals.splice(0, old);
    this.#tidyAt = this.#arrivals.length + TIDY_EACH;
  }

  /** Before any of the figures below is asked for. */
  settle(): void {
    this.#tidy();
  }

  /** The delay that all packets of late had beyond the least one, ms: what waits in queues and does not go away. 0 while not known. */
  get standingMs(): number {
    let least = Infinity;
    let count = 0;
    for (let index = this.#arrivals.length - 1; index >= 0; index -= 1) {
      const arrival = this.#arrivals[index];
      if (!arrival || (arrival.at < this.#latest - STANDING_MS && count >= STANDING_PACKETS)) break;
      least = Math.min(least, arrival.queueMs);
      count += 1;
    }
    return count < STANDING_PACKETS ? 0 : least;
  }

  /** Bits a second that arrived. */
  get bps(): number {
    const bytes = this.#arrivals.reduce((sum, arrival) => sum + arrival.bytes, 0);
    return (bytes * 8 * 1000) / WINDOW_MS;
  }

  /** Bits a second that came out of a queue, that is, of a way that was busy throughout: what it carries. Null when it was not busy. */
  get busyBps(): number | null {
    const queued = this.#arrivals.filter(({ queueMs, gapMs }) => queueMs > QUEUED_MS && gapMs < WINDOW_MS);
    const ms = queued.reduce((sum, { gapMs }) => sum + gapMs, 0);
    if (queued.length < BUSY_PACKETS || ms < BUSY_MS) return null;
    return (queued.reduce((sum, { bytes }) => sum + bytes, 0) * 8 * 1000) / ms;
  }

  /** The fastest that packets in a row were sent and arrived, bits a second; 0 where none were. */
  get trainBps(): number {
    let best = 0;
    let bytes = 0;
    for (let index = 0; index < this.#arrivals.length; index += 1) {
      const arrival = this.#arrivals[index];
      const first = this.#arrivals[index - TRAIN];
      bytes += arrival?.bytes ?? 0;
      if (!arrival || !first) continue;
      bytes -= first.bytes;
      const ms = Math.max(arrival.at - first.at, arrival.sentAt - first.sentAt, 1);
      best = Math.max(best, (bytes * 8 * 1000) / ms);
    }
    return best;
  }

  /** The least delay is another now: takes what stands as ordinary. */
  rebase(): void {
    const least = Math.min(...this.#arrivals.map(({ at, sentAt }) => at - sentAt));
    this.#base = { since: this.#arrivals.at(-1)?.sentAt ?? -Infinity, now: least, before: Infinity };
    this.#arrivals.length = 0;
  }

  /** Another way: nothing before it counts. */
  reset(): void {
    this.#arrivals.length = 0;
    this.#base = { since: -Infinity, now: Infinity, before: Infinity };
  }
}
