import type { Clock, Timer } from '../../electron/base/clock.ts';

interface Missing {
  tries: number;
  readonly since: number;
  next: number;
}

/** What is missing of one stream at most; a larger hole is left to the next keyframe. */
const MAX_MISSING = 512;
const MAX_TRIES = 6;
/** After this time nobody waits for the packet any more, ms. */
const GIVE_UP_MS = 500;
const TICK_MS = 10;
const LOSS_WINDOW_MS = 5_000;
/** Numbers in one request. */
const MAX_REQUEST = 128;

/**
 * Sees which packets of a stream are missing and asks for them again: at once, then each round trip, six times. Works across
 * the wrap of the 16-bit sequence numbers. Counts losses as they were before repair.
 */
export class NackTracker {
  readonly #clock: Clock;
  readonly #request: (sequenceNumbers: readonly number[]) => void;
  readonly #rttMs: () => number;
  readonly #missing = new Map<number, Missing>();
  /** Highest sequence number so far, extended; null before the first packet. */
  #highest: number | null = null;
  #timer: Timer | null = null;
  #window: { at: number; expected: number; lost: number }[] = [];
  #closed = false;

  constructor(options: { clock: Clock; rttMs: () => number; request: (sequenceNumbers: readonly number[]) => void }) {
    this.#clock = options.clock;
    this.#rttMs = options.rttMs;
    this.#request = options.request;
  }

  push(sequenceNumber: number): void {
    if (this.#closed) return;
    const now = this.#clock.monotonic();
    if (this.#highest === null) {
      this.#highest = 0x10000 + sequenceNumber;
      this.#count(now, 1, 0);
      return;
    }
    const delta = ((sequenceNumber - this.#highest) << 16) >> 16;
    const extended = this.#highest + delta;
    if (delta <= 0) {
      const found = this.#missing.get(extended);
      // It was only late, not lost, when it comes before it was asked for.
      if (found?.tries === 0) this.#count(now, 0, -1);
      this.#missing.delete(extended);
      return;
    }
    const hole = delta - 1;
    this.#count(now, delta, hole);
    this.#highest = extended;
    if (hole > MAX_MISSING) this.#missing.clear();
    else for (let missed = extended - hole; missed < extended; missed += 1) this.#missing.set(missed, { tries: 0, since: now, next: now });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= MAX_MISSING) break;
      this.#missing.delete(oldest);
    }
    if (this.#missing.size > 0) this.#timer ??= this.#clock.setTimeout(() => this.#tick(), TICK_MS / 2);
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
    this.#timer?.cancel();
    this.#missing.clear();
  }

  #tick(): void {
    this.#timer = null;
    const now = this.#clock.monotonic();
    const due: number[] = [];
    for (const [extended, missing] of this.#missing) {
      if (missing.tries >= MAX_TRIES || now - missing.since > GIVE_UP_MS) {
        this.#missing.delete(extended);
      } else if (missing.next <= now && due.length < MAX_REQUEST) {
        missing.tries += 1;
        missing.next = now + Math.max(20, this.#rttMs() * 1.25 + 10);
        due.push(extended & 0xffff);
      }
    }
    if (due.length > 0) this.#request(due);
    if (this.#missing.size > 0 && !this.#closed) this.#timer = this.#clock.setTimeout(() => this.#tick(), TICK_MS);
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
