import type { AccessUnit } from '../electron/media/access-unit.ts';

export interface SendLimits {
  readonly units: number;
  readonly bytes: number;
}

const SEND_LIMITS: SendLimits = { units: 3000, bytes: 24 * 1024 * 1024 };

/**
 * What one viewer is still to be sent. When it is full, everything up to the newest keyframe in it goes, or all of it and
 * what comes before the next keyframe: a viewer gets whole groups of pictures, however slow it is.
 */
export class SendQueue {
  readonly #limits: SendLimits;
  #units: AccessUnit[] = [];
  #bytes = 0;
  #waitForKey = true;
  #dropped = 0;

  constructor(limits: SendLimits = SEND_LIMITS) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#units.length;
  }

  /** Units left out because the viewer was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  push(unit: AccessUnit): void {
    const isKey = unit.config.kind === 'video' && unit.key;
    if (this.#waitForKey && unit.config.kind === 'video') {
      if (!isKey) {
        this.#dropped += 1;
        return;
      }
      this.#waitForKey = false;
    }
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#units.length > this.#limits.units || this.#bytes > this.#limits.bytes) this.#overflow();
  }

  shift(): AccessUnit | undefined {
    const unit = this.#units.shift();
    if (unit) this.#bytes -= unit.data.length;
    return unit;
  }

  /** Forgets all that waits, and goes on with the next keyframe. */
  clear(): void {
    this.#dropped += this.#units.length;
    this.#units = [];
    this.#bytes = 0;
    this.#waitForKey = true;
  }

  #overflow(): void {
    const newest = this.#units.findLastIndex((unit) => unit.config.kind === 'video' && unit.key);
    const keep = newest > 0 ? this.#units.slice(newest) : [];
    this.#dropped += this.#units.length - keep.length;
    this.#units = keep;
    this.#bytes = keep.reduce((sum, unit) => sum + unit.data.length, 0);
    if (keep.length === 0) this.#waitForKey = true;
  }
}
