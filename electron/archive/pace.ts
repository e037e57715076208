import type { Clock } from '../base/clock.ts';

/** Over how long the rate is measured, seconds. */
const MEASURED_S = 60;

/** Keeps bytes to a rate, and measures the one they have. */
export class Pace {
  readonly #clock: Clock;
  readonly #kbps: () => number | null;
  /** By second of the monotonic clock, the last minute's. */
  readonly #seconds = new Map<number, number>();
  /** When the next bytes may go, monotonic milliseconds. */
  #due = 0;

  /** @param kbps kilobits a second, read each time; null: no limit */
  constructor(clock: Clock, kbps: () => number | null) {
    this.#clock = clock;
    this.#kbps = kbps;
  }

  get limited(): boolean {
    return this.#kbps() !== null;
  }

  /** Resolves when so many bytes may go, or `signal` says that they will not. Never more than what is asked for at once goes at the line's own speed. */
  async wait(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    const kbps = this.#kbps();
    const now = this.#clock.monotonic();
    if (kbps === null) {
      this.#due = 0;
      return;
    }
    const start = Math.max(now, this.#due);
    this.#due = start + (bytes * 8) / kbps;
    if (start <= now) return;
    await this.#sleep(start - now, signal);
    if (signal?.aborted) this.#due = now;
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', over);
        resolve();
      };
      const timer = this.#clock.setTimeout(over, ms);
      signal?.addEventListener('abort', over);
    });
  }

  sent(bytes: number): void {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + bytes);
    for (const old of this.#seconds.keys()) if (old < second - MEASURED_S) this.#seconds.delete(old);
  }

  /** Bytes a second over the last minute. */
  get rate(): number {
    const now = Math.floor(this.#clock.monotonic() / 1000);
    let bytes = 0;
    for (const [second, count] of this.#seconds) if (second >= now - MEASURED_S) bytes += count;
    return Math.round(bytes / MEASURED_S);
  }
}
