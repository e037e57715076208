import type { AccessUnit } from '../electron/media/access-unit.ts';

export interface GopLimits {
  readonly units: number;
  readonly bytes: number;
}

/** Ten seconds of 8 Mbit/s and more; a longer group of pictures is not kept. */
const GOP_LIMITS: GopLimits = { units: 2000, bytes: 16 * 1024 * 1024 };

/** The units since the last video keyframe, with which a new viewer begins. Bounded: an endless group is forgotten until the next keyframe. */
export class GopCache {
  readonly #limits: GopLimits;
  #units: AccessUnit[] = [];
  #bytes = 0;
  #overflows = 0;

  constructor(limits: GopLimits = GOP_LIMITS) {
    this.#limits = limits;
  }

  /** Empty while there is no keyframe to begin with. */
  get units(): readonly AccessUnit[] {
    return this.#units;
  }

  /** Groups of pictures that were too long to keep. */
  get overflows(): number {
    return this.#overflows;
  }

  push(unit: AccessUnit): void {
    if (unit.config.kind === 'video' && unit.key) this.clear();
    else if (this.#units.length === 0) return;
    if (this.#units.length >= this.#limits.units || this.#bytes + unit.data.length > this.#limits.bytes) {
      this.#overflows += 1;
      this.clear();
      return;
    }
    this.#units.push(unit);
    this.#bytes += unit.data.length;
  }

  clear(): void {
    this.#units = [];
    this.#bytes = 0;
  }
}
