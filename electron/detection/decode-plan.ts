import type { AccessUnit } from '../media/access-unit.ts';

/** A picture of at most so many pixels is cheap to decode: every frame is, of a larger one only keyframes. */
const SMALL_PIXELS = 640 * 480;
/** Keyframes farther apart miss what lasts two seconds: then every frame is decoded however large it is. Milliseconds. */
const KEYFRAME_MS = 2_600;
const INTERVALS = 4;

/** Says how much of a camera's video must be decoded to see what moves. */
export class DecodePlan {
  #timeline: number | null = null;
  #lastKey = 0;
  #intervals: readonly number[] = [];
  #all = false;

  /** Whether this frame is to be decoded: a keyframe always, what follows it when keyframes are not enough. Frames in the order of decoding. */
  wants({ config, timeline, pts, key }: AccessUnit): boolean {
    if (timeline !== this.#timeline) {
      this.#timeline = timeline;
      this.#intervals = [];
      this.#all = false;
      this.#lastKey = pts;
    }
    if (!key) return this.#all;
    const since = (pts - this.#lastKey) / 90;
    if (since > 0) this.#intervals = [...this.#intervals, since].slice(-INTERVALS);
    this.#lastKey = pts;
    const small = config.kind === 'video' && config.width * config.height <= SMALL_PIXELS;
    // Until the second keyframe nobody knows when it comes.
    this.#all = small || this.#intervals.length === 0 || Math.max(...this.#intervals) > KEYFRAME_MS;
    return true;
  }
}
