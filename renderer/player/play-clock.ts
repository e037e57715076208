import { utcMs, type UtcMs } from '../../electron/contract/model.ts';

/** Where playing is, from when it began and how fast it goes. */
export class PlayClock {
  #position: UtcMs;
  #since: number;
  #rate: number;

  /** `now`: monotonic milliseconds. */
  constructor(position: UtcMs, rate: number, now: number) {
    this.#position = position;
    this.#rate = rate;
    this.#since = now;
  }

  get rate(): number {
    return this.#rate;
  }

  at(now: number): UtcMs {
    return utcMs(this.#position + (now - this.#since) * this.#rate);
  }

  /** Goes on from `position`: after a jump, or because nothing was there to show and time must wait. */
  set(position: UtcMs, now: number): void {
    this.#position = position;
    this.#since = now;
  }

  setRate(rate: number, now: number): void {
    this.set(this.at(now), now);
    this.#rate = rate;
  }
}
