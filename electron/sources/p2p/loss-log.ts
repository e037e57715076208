import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';

const AT_MOST_EVERY_MS = 60_000;

/**
 * Writes down that pictures were lost for good: what is not shown and not recorded must not go unnoticed. A line a minute at most, with
 * all that was lost since the one before.
 */
export class LossLog {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #log: Pick<Log, 'warn'>;
  readonly #camera: string;
  #unsaid = 0;
  #saidAt = -Infinity;

  constructor(clock: Pick<Clock, 'monotonic'>, log: Pick<Log, 'warn'>, camera: string) {
    this.#clock = clock;
    this.#log = log;
    this.#camera = camera;
  }

  /** To be called now and then. @param frames lost since the last call */
  add(frames: number): void {
    this.#unsaid += frames;
    const now = this.#clock.monotonic();
    if (this.#unsaid === 0 || now - this.#saidAt < AT_MOST_EVERY_MS) return;
    this.#log.warn('pictures were lost on the way for good', { camera: this.#camera, frames: this.#unsaid });
    this.#unsaid = 0;
    this.#saidAt = now;
  }
}
