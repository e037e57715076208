/** Before anything was measured: a retransmission may take this much longer than the shortest round trip, ms. */
const UNKNOWN_MS = 30;
const LEAST_SPREAD_MS = 10;
const LEAST_REPEAT_MS = 20;
/** How long a packet is waited for in order before it counts as missing, ms. */
const [LEAST_REORDER_MS, MOST_REORDER_MS] = [5, 100];
/** What was seen of lateness fades by this factor with each packet that truly was lost. */
const FADE = 0.95;
/** Requests that a missing packet is worth. */
const TRIES = 6;
/** Whatever the round trip, it is worth this long, ms; and no longer than that, where it leaves two tries. */
const LEAST_PATIENCE_MS = 200;
const PATIENCE_MS = 500;
/** At round trips of more than 200 ms two tries take longer; this is the end in any case. */
const MOST_PATIENCE_MS = 1_000;

/** How long things take on the way to a camera and back: what NACKs and the jitter buffer go by. */
export class RepairTime {
  readonly #shortestMs: () => number;
  /** Smoothed time from a request to the packet, and its mean deviation (RFC 6298 §2), ms. */
  #smoothed: { readonly ms: number; readonly deviation: number } | null = null;
  #latenessMs = 0;

  /** @param shortestMs the shortest round trip, as pings measure it */
  constructor(shortestMs: () => number) {
    this.#shortestMs = shortestMs;
  }

  /** A packet came so long after the request that it answers: not to be told where that may be any of several (Karn). */
  repaired(ms: number): void {
    const known = this.#smoothed;
    this.#smoothed = known
      ? { ms: known.ms + (ms - known.ms) / 8, deviation: known.deviation + (Math.abs(ms - known.ms) - known.deviation) / 4 }
      : { ms, deviation: ms / 4 };
    this.#latenessMs *= FADE;
  }

  /** A packet was not lost: others had overtaken it by so much. */
  late(ms: number): void {
    this.#latenessMs = Math.max(this.#latenessMs, ms);
  }

  /** Shorter than this nothing takes that answers a request, ms. */
  get shortestMs(): number {
    return this.#shortestMs();
  }

  /** From a hole to the first request: as long as packets have been seen to overtake each other. */
  get reorderMs(): number {
    return Math.min(MOST_REORDER_MS, Math.max(LEAST_REORDER_MS, this.#latenessMs * 1.2));
  }

  /** From one request to the next: a round trip and what it varies by. */
  get repeatMs(): number {
    const known = this.#smoothed;
    const usual = known ? known.ms + Math.max(LEAST_SPREAD_MS, 4 * known.deviation) : this.#shortestMs() * 1.25 + UNKNOWN_MS;
    return Math.min(MOST_PATIENCE_MS, Math.max(LEAST_REPEAT_MS, usual, this.#shortestMs()));
  }

  /** From a hole to when it is given up: LEAST_PATIENCE_MS..MOST_PATIENCE_MS. */
  get patienceMs(): number {
    const twice = this.reorderMs + 2.5 * this.repeatMs;
    const most = Math.min(MOST_PATIENCE_MS, Math.max(PATIENCE_MS, twice));
    return Math.min(most, Math.max(LEAST_PATIENCE_MS, this.reorderMs + TRIES * this.repeatMs));
  }
}
