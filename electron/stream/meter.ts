import type { Clock } from '../base/clock.ts';

const WINDOW_MS = 5000;
const MAX_SAMPLES = 1024;

/** Frames and bits a second over the last 5 s, from the moments of arrival. */
export class RateMeter {
  readonly #clock: Clock;
  #samples: { at: number; bytes: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    this.#samples.push({ at: this.#clock.monotonic(), bytes });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** Frames a second (rounded to 0.1) and kbit/s. 0 when fewer than two frames came lately. */
  read(): { fps: number; kbps: number } {
    const since = this.#clock.monotonic() - WINDOW_MS;
    this.#samples = this.#samples.filter((sample) => sample.at >= since);
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at <= first.at) return { fps: 0, kbps: 0 };
    const seconds = (last.at - first.at) / 1000;
    // n samples span n - 1 intervals: the first one's bytes came before the span.
    const bytes = this.#samples.reduce((sum, sample) => sum + sample.bytes, -first.bytes);
    return { fps: Math.round(((this.#samples.length - 1) / seconds) * 10) / 10, kbps: Math.round((bytes * 8) / seconds / 1000) };
  }

  reset(): void {
    this.#samples = [];
  }
}
