import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { keepInView, limitFuture, MAX_SPAN_MS, MIN_SPAN_MS, pan, showAt, span, timeAt, xAt, zoom, type View } from './scale.ts';

const view: View = { from: utcMs(1_000_000), to: utcMs(1_100_000), width: 1000 };

describe('scale', () => {
  it('goes from pixels to time and back', () => {
    expect(timeAt(view, 250)).toBe(1_025_000);
    expect(xAt(view, utcMs(1_025_000))).toBe(250);
    expect(xAt(view, timeAt(view, 777))).toBeCloseTo(777);
  });

  it.each([0, 130, 500, 1000])('zooms around the pointer at %d: the time there stays there', (x) => {
    const before = timeAt(view, x);
    for (const factor of [0.1, 0.9, 1.5, 40]) expect(timeAt(zoom(view, x, factor), x)).toBeCloseTo(before, 3);
  });

  it('zooms from a second to a week and no further', () => {
    expect(span(zoom(view, 500, 1e-9))).toBeCloseTo(MIN_SPAN_MS);
    expect(span(zoom(view, 500, 1e9))).toBeCloseTo(MAX_SPAN_MS);
  });

  it('keeps the anchor also where the limit cuts the zoom short', () => {
    expect(timeAt(zoom(view, 200, 1e-9), 200)).toBeCloseTo(timeAt(view, 200), 3);
  });

  it('pans by pixels', () => {
    expect(pan(view, 100)).toEqual({ from: 1_010_000, to: 1_110_000, width: 1000 });
  });

  it('shows a time at a share of the width', () => {
    expect(xAt(showAt(view, utcMs(5_000_000), 0.25), utcMs(5_000_000))).toBeCloseTo(250);
  });

  it('follows a playhead: not while it is in view, smoothly at the edge, centred when far off', () => {
    expect(keepInView(view, utcMs(1_050_000))).toBe(view);
    expect(xAt(keepInView(view, utcMs(1_095_000)), utcMs(1_095_000))).toBeCloseTo(900);
    expect(xAt(keepInView(view, utcMs(9_000_000)), utcMs(9_000_000))).toBeCloseTo(500);
    expect(xAt(keepInView(view, utcMs(0)), utcMs(0))).toBeCloseTo(500);
  });

  it('moves by whole pixels only, so that following costs next to nothing', () => {
    expect(keepInView(view, utcMs(1_090_050))).toBe(view);
    expect(keepInView(view, utcMs(1_090_100))).not.toBe(view);
  });

  it('does not wander into the future', () => {
    const now = utcMs(1_000_000);
    const limited = limitFuture(pan(view, 100_000), now);
    expect(span(limited)).toBe(span(view));
    expect(limited.to).toBe(1_025_000);
    expect(limitFuture(view, utcMs(2_000_000))).toBe(view);
  });

  it('survives a width of nothing', () => {
    const narrow = { ...view, width: 0 };
    expect(Number.isFinite(timeAt(narrow, 10))).toBe(true);
    expect(Number.isFinite(xAt(zoom(narrow, 0, 0.5), utcMs(0)))).toBe(true);
  });
});
