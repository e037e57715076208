/** Samples kept: about a minute of one a second. */
const SAMPLES = 60;
/** Two clocks that are off by 500 ppm each come no farther apart in a minute, ms. */
const DRIFT_MS = 60;

/**
 * How much the other end's wall clock is ahead of ours, NTP-style: of the last minute's round trips the shortest tells most,
 * for half of it bounds the error (RFC 5905 §10).
 */
export class ClockOffset {
  #samples: { offset: number; rtt: number }[] = [];

  /** @param sent, received this end's wall clock, ms; @param at the other end's, in between */
  add(sent: number, at: number, received: number): void {
    const rtt = received - sent;
    // A wall clock that was set in between gives nonsense.
    if (rtt < 0 || rtt > 10_000) return;
    this.#samples.push({ offset: at - (sent + received) / 2, rtt });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    const last = this.#samples.at(-1);
    // One of the clocks was set: what came before is of no use.
    if (last && Math.abs(last.offset - this.offsetMs) > last.rtt / 2 + this.rttMs / 2 + DRIFT_MS) this.#samples = [last];
  }

  get known(): boolean {
    return this.#samples.length > 0;
  }

  /** ms to subtract of the other end's times; 0 before it is known. */
  get offsetMs(): number {
    return this.#best?.offset ?? 0;
  }

  /** The shortest round trip of the last minute, ms. */
  get rttMs(): number {
    return this.#best?.rtt ?? 0;
  }

  get #best(): { offset: number; rtt: number } | undefined {
    let best = this.#samples[0];
    for (const sample of this.#samples) if (best && sample.rtt < best.rtt) best = sample;
    return best;
  }
}
