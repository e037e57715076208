import type { AccessUnit } from '../media/access-unit.ts';

/** Bytes that are kept at most: half a minute of 4 Mbit/s. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * What has to be given to another ffmpeg, should this one fail: from the last keyframe that came out of it on, and everything that has not
 * come out. The bytes are those that live viewers share.
 */
export class KeptGroup {
  #units: AccessUnit[] = [];
  #bytes = 0;
  /** Decode times of what came out last, 1/90000 s. */
  readonly #out = { video: -1, audio: -1 };

  /** In order; the first video unit is a keyframe. */
  get units(): readonly AccessUnit[] {
    return this.#units;
  }

  /** Whether something is kept that has not come out. */
  get waiting(): boolean {
    return this.#units.some((unit) => !this.#isOut(unit));
  }

  /** False when it does not fit: then nothing is kept any more. */
  add(unit: AccessUnit): boolean {
    if (this.#units.length === 0 && !(unit.config.kind === 'video' && unit.key)) return false;
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#bytes <= MAX_BYTES) return true;
    this.clear();
    return false;
  }

  /** False when it came out before, of an ffmpeg that failed since. */
  cameOut(unit: AccessUnit): boolean {
    const { kind } = unit.config;
    if (this.#isOut(unit)) return false;
    this.#out[kind] = unit.dts;
    if (kind === 'video' && unit.key) this.#trim(unit);
    return true;
  }

  clear(): void {
    this.#units = [];
    this.#bytes = 0;
  }

  #isOut(unit: AccessUnit): boolean {
    return unit.dts <= this.#out[unit.config.kind];
  }

  /** Nothing before the keyframe is needed, but for sound that is still inside. */
  #trim(key: AccessUnit): void {
    const at = this.#units.findIndex((unit) => unit.config.kind === 'video' && unit.dts === key.dts);
    if (at <= 0) return;
    this.#units = this.#units.filter((unit, i) => i >= at || (unit.config.kind === 'audio' && !this.#isOut(unit)));
    this.#bytes = this.#units.reduce((sum, unit) => sum + unit.data.length, 0);
  }
}
