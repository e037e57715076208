import { utcMs, type UtcMs } from '../../electron/contract/model.ts';
import { keepInView, limitFuture, pan, showAt, span, zoom, type View } from './scale.ts';

/** What is looked at first: the last quarter of an hour, or less of a camera that is younger. */
export const FIRST_SPAN_MS = 15 * 60_000;
const LEAST_FIRST_SPAN_MS = 2 * 60_000;
/** Where the present stands at first, as a share of the width. */
const PRESENT_SHARE = 0.9;
const ZOOM_STEP = 0.7;

/** What stretch of time is on the screen, and whether it follows the playhead. */
export class TimelineView {
  readonly #now: () => UtcMs;
  #view = $state.raw<View>({ from: utcMs(0), to: utcMs(1), width: 1 });
  #following = true;
  #begun = false;
  #playhead: UtcMs | undefined;

  constructor(now: () => UtcMs) {
    this.#now = now;
    this.#view = this.#latest(FIRST_SPAN_MS, 1);
  }

  /** To be called when it is known since when there may be recordings; nothing moves that a person has moved. */
  begin(first: UtcMs): void {
    if (this.#begun) return;
    this.#begun = true;
    const age = (this.#now() - first) / PRESENT_SHARE;
    this.#view = this.#latest(Math.min(FIRST_SPAN_MS, Math.max(LEAST_FIRST_SPAN_MS, age)), this.#view.width);
  }

  get view(): View {
    return this.#view;
  }

  resize(width: number): void {
    this.#view = { ...this.#view, width: Math.max(1, width) };
  }

  /** The person looks elsewhere: the view stays until they act on the playhead again. */
  pan(pixels: number): void {
    this.#following = false;
    this.#set(pan(this.#view, pixels));
  }

  /** Keeps the time under `x`, the pointer, where it is. Zooming in on something else leaves the playhead behind. */
  zoomAround(x: number, factor: number): void {
    this.#set(zoom(this.#view, x, factor));
    const { from, to } = this.#view;
    if (this.#playhead !== undefined && (this.#playhead < from || this.#playhead > to)) this.#following = false;
  }

  /** Keeps the playhead where it is, or the middle when it is out of sight. */
  zoomStep(inward: boolean, playhead: UtcMs | null): void {
    const { from, width } = this.#view;
    const share = playhead === null ? 0.5 : (playhead - from) / span(this.#view);
    const x = (share >= 0 && share <= 1 ? share : 0.5) * width;
    this.zoomAround(x, inward ? ZOOM_STEP : 1 / ZOOM_STEP);
  }

  /** From now on the playhead stays in view. */
  follow(): void {
    this.#following = true;
  }

  playheadAt(at: UtcMs): void {
    this.#playhead = at;
    if (this.#following) this.#view = keepInView(this.#view, at);
  }

  /** Looks at another time without touching the playhead. */
  look(at: UtcMs): void {
    this.#following = false;
    this.#set(showAt(this.#view, at, 0.5));
  }

  /** Shows a range whole: the person looks there. */
  show(from: UtcMs, to: UtcMs): void {
    this.#following = false;
    this.#begun = true;
    this.#view = { ...this.#view, from, to };
  }

  centre(at: UtcMs): void {
    this.#following = true;
    this.#set(showAt(this.#view, at, 0.5));
  }

  #latest(length: number, width: number): View {
    const now = this.#now();
    return showAt({ from: utcMs(now - length), to: now, width }, now, PRESENT_SHARE);
  }

  #set(view: View): void {
    this.#begun = true;
    this.#view = limitFuture(view, this.#now());
  }
}
