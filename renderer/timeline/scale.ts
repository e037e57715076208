import { utcMs, type UtcMs } from '../../electron/contract/model.ts';

/** The stretch of time a timeline shows, over `width` CSS pixels. */
export interface View {
  readonly from: UtcMs;
  readonly to: UtcMs;
  readonly width: number;
}

export const MIN_SPAN_MS = 1000;
export const MAX_SPAN_MS = 7 * 86_400_000;

export const span = (view: View): number => view.to - view.from;
export const msPerPixel = (view: View): number => span(view) / Math.max(1, view.width);
export const timeAt = (view: View, x: number): UtcMs => utcMs(view.from + x * msPerPixel(view));
export const xAt = (view: View, at: UtcMs): number => (at - view.from) / msPerPixel(view);

/** Zooms so that the time under `x` stays where it is. `factor` < 1 shows less time. */
export function zoom(view: View, x: number, factor: number): View {
  const anchor = timeAt(view, x);
  const length = clamp(span(view) * factor, MIN_SPAN_MS, MAX_SPAN_MS);
  const from = anchor - (x / Math.max(1, view.width)) * length;
  return { ...view, from: utcMs(from), to: utcMs(from + length) };
}

/** Moves the view: positive pixels show later times. */
export function pan(view: View, pixels: number): View {
  const shift = pixels * msPerPixel(view);
  return { ...view, from: utcMs(view.from + shift), to: utcMs(view.to + shift) };
}

/** The same zoom with `at` at `share` (0..1) of the width. */
export function showAt(view: View, at: UtcMs, share: number): View {
  const from = at - span(view) * share;
  return { ...view, from: utcMs(from), to: utcMs(from + span(view)) };
}

/** Moves only when `at` is not comfortably in view, and by whole pixels, so that following live costs next to nothing. */
export function keepInView(view: View, at: UtcMs): View {
  const share = (at - view.from) / span(view);
  if (share < 0 || share > 1) return showAt(view, at, 0.5);
  if ((share - 0.9) * view.width >= 1) return showAt(view, at, 0.9);
  return view;
}

/** Nobody looks for recordings in the far future: at most a tenth of the view lies behind `now`, unless the view is narrower than what is asked. */
export function limitFuture(view: View, now: UtcMs): View {
  const latest = now + span(view) * 0.25;
  return view.to > latest ? showAt(view, utcMs(latest), 1) : view;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
