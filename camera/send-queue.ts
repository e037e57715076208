import type { AccessUnit } from '../electron/media/access-unit.ts';

export interface SendLimits {
  readonly units: number;
  readonly bytes: number;
  /** How long a unit may wait, ms. */
  readonly ms: number;
}

/** A second old is too old for a live picture; the rest bounds the memory. */
const SEND_LIMITS: SendLimits = { units: 3000, bytes: 24 * 1024 * 1024, ms: 1_000 };

interface Waiting {
  readonly unit: AccessUnit;
  /** ms by the feed's time. */
  readonly since: number;
}

const isVideo = ({ unit }: Waiting): boolean => unit.config.kind === 'video';
const isKey = (waiting: Waiting): boolean => isVideo(waiting) && waiting.unit.key;

/**
 * What one viewer is still to be sent. When it is full, or too old, everything up to the newest keyframe in it goes; where that keyframe is the
 * next to be sent, all that comes after it: a viewer gets whole beginnings of groups of pictures, the newest ones, however slow it is.
 */
export class SendQueue {
  readonly #limits: SendLimits;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #waitForKey = true;
  #dropped = 0;
  #overflows = 0;

  constructor(limits: Partial<SendLimits> = {}) {
    this.#limits = { ...SEND_LIMITS, ...limits };
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Units left out because the viewer was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Times that units were left out. */
  get overflows(): number {
    return this.#overflows;
  }

  push(unit: AccessUnit, now: number): void {
    const waiting = { unit, since: now };
    if (this.#waitForKey && isVideo(waiting)) {
      if (!unit.key) {
        this.#dropped += 1;
        return;
      }
      this.#waitForKey = false;
    }
    this.#waiting.push(waiting);
    this.#bytes += unit.data.length;
    if (this.#waiting.length > this.#limits.units || this.#bytes > this.#limits.bytes) this.#overflow();
  }

  shift(): AccessUnit | undefined {
    const next = this.#waiting.shift();
    if (next) this.#bytes -= next.unit.data.length;
    return next?.unit;
  }

  /** How long the next unit has waited, ms. */
  waitMs(now: number): number {
    const [next] = this.#waiting;
    return next ? now - next.since : 0;
  }

  /** Leaves out what has waited for too long. @param ms instead of the limit */
  expire(now: number, ms = this.#limits.ms): void {
    if (this.waitMs(now) > ms) this.#overflow();
  }

  /** Forgets all that waits, and goes on with the next keyframe. */
  clear(): void {
    this.#keep([]);
  }

  /** Forgets the pictures that wait, and goes on with the next keyframe. */
  clearVideo(): void {
    this.#keep(this.#waiting.filter((waiting) => !isVideo(waiting)));
  }

  #overflow(): void {
    const newest = this.#waiting.findLastIndex(isKey);
    const first = this.#waiting.findIndex(isVideo);
    const before = this.#dropped;
    if (newest > first) {
      this.#keep(this.#waiting.slice(newest));
      this.#waitForKey = false;
    } else if (newest === first && newest >= 0) {
      this.#keep(this.#waiting.filter((waiting, index) => index === newest || !isVideo(waiting)));
    } else this.#keep([]);
    if (this.#waiting.length > this.#limits.units || this.#bytes > this.#limits.bytes) this.#keep([]);
    if (this.#dropped > before) this.#overflows += 1;
  }

  #keep(kept: Waiting[]): void {
    this.#dropped += this.#waiting.length - kept.length;
    this.#waiting = kept;
    this.#bytes = kept.reduce((sum, { unit }) => sum + unit.data.length, 0);
    this.#waitForKey = true;
  }
}
