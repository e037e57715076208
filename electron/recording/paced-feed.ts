import type { Clock, Timer } from '../base/clock.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import { bytesOf } from './pre-roll-ring.ts';

const PACE_MS = 20;
/** At each turn, for each camera: some 1 600 frames and 25 MB a second, far more than comes live. */
const PACE_UNITS = 32;
const PACE_BYTES = 512 * 1024;
/** More waits only if live frames come faster than that: then all goes on at once. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Frames on their way to a recorder, whose queues are made for what comes live. A pre-roll is handed on in pieces, what comes live meanwhile
 * waits behind it; when nothing waits, frames go straight through.
 */
export class PacedFeed {
  readonly #clock: Clock;
  readonly #push: (unit: AccessUnit) => void;
  #waiting: AccessUnit[] = [];
  #bytes = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, push: (unit: AccessUnit) => void) {
    this.#clock = clock;
    this.#push = push;
  }

  /** `later`: never at once, even when nothing waits. */
  push(unit: AccessUnit, when: 'now' | 'later' = 'now'): void {
    if (when === 'now' && this.#waiting.length === 0) return this.#push(unit);
    this.#waiting.push(unit);
    this.#bytes += bytesOf(unit);
    if (this.#bytes > MAX_WAITING_BYTES) this.flush();
    else this.#timer ??= this.#clock.setTimeout(() => this.#turn(), 0);
  }

  /** Everything that waits goes on. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const unit of waiting) this.#push(unit);
  }

  #turn(): void {
    this.#timer = null;
    let bytes = 0;
    let count = 0;
    while (count < Math.min(PACE_UNITS, this.#waiting.length) && bytes < PACE_BYTES) bytes += bytesOf(this.#waiting[count++] as AccessUnit);
    this.#bytes -= bytes;
    for (const unit of this.#waiting.splice(0, count)) this.#push(unit);
    if (this.#waiting.length > 0) this.#timer = this.#clock.setTimeout(() => this.#turn(), PACE_MS);
  }
}
