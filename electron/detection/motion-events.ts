import type { Look } from './motion-picture.ts';

/** Times are media times of pictures, milliseconds. */
export type MotionEvent =
  | { readonly kind: 'start'; readonly at: number }
  /** The largest share of the picture that moved. */
  | { readonly kind: 'end'; readonly at: number; readonly area: number };

/** Motion that stops for less goes on: at least so long, and over at least so many pictures. */
const QUIET_MS = 3_000;
const QUIET_PICTURES = 2;
/** A picture that comes so soon after another one may be a flicker: motion wants two of three. */
const CLOSE_MS = 1_000;

/** Makes events of looks: single flickers are none, and motion with short rests is one. Pure. */
export class MotionEvents {
  #recent: { readonly at: number; readonly moving: boolean }[] = [];
  #since: number | null = null;
  #lastMoving = 0;
  #area = 0;
  #still = 0;

  /** An event has started and has not ended. */
  get moving(): boolean {
    return this.#since !== null;
  }

  take({ moving, area }: Look, at: number): MotionEvent | null {
    const previous = this.#recent.at(-1);
    this.#recent = [...this.#recent.slice(-2), { at, moving }];
    if (moving) {
      this.#still = 0;
      this.#area = Math.max(this.#area, area);
      const apart = previous === undefined || at - previous.at > CLOSE_MS;
      const seen = this.#recent.filter((look) => look.moving);
      this.#lastMoving = at;
      if (this.#since !== null || (!apart && seen.length < 2)) return null;
      this.#since = (apart ? undefined : seen[0]?.at) ?? at;
      return { kind: 'start', at: this.#since };
    }
    this.#still += 1;
    if (this.#since === null) this.#area = 0;
    return this.#since !== null && this.#still >= QUIET_PICTURES && at - this.#lastMoving >= QUIET_MS ? this.stop() : null;
  }

  /** No more pictures come: what lasts ends with the last motion. */
  stop(): MotionEvent | null {
    if (this.#since === null) return null;
    const event = { kind: 'end', at: this.#lastMoving, area: this.#area } as const;
    this.#since = null;
    this.#area = 0;
    this.#recent = [];
    return event;
  }
}
