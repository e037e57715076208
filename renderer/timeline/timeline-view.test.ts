import { beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { span, timeAt, xAt } from './scale.ts';
import { FIRST_SPAN_MS, TimelineView } from './timeline-view.svelte.ts';

const NOW = utcMs(Date.UTC(2026, 10, 23, 12));
let timeline: TimelineView;

beforeEach(() => {
  timeline = new TimelineView(() => NOW);
  timeline.resize(1000);
});

describe('TimelineView', () => {
  it('begins with the last minutes, the present near the right edge', () => {
    expect(span(timeline.view)).toBe(FIRST_SPAN_MS);
    expect(xAt(timeline.view, NOW)).toBeCloseTo(900);
  });

  it('begins with all there can be of a young camera, once', () => {
    timeline.begin(utcMs(NOW - 270_000));
    expect(span(timeline.view)).toBe(300_000);
    expect(xAt(timeline.view, NOW)).toBeCloseTo(900);
    timeline.begin(utcMs(NOW - 540_000));
    expect(span(timeline.view)).toBe(300_000);
  });

  it('does not take away what a person looked for', () => {
    timeline.zoomAround(100, 2);
    const { view } = timeline;
    timeline.begin(utcMs(NOW - 60_000));
    expect(timeline.view).toBe(view);
  });

  it('shows no more than a quarter of an hour of an old camera, and some minutes of a new one', () => {
    timeline.begin(utcMs(NOW - 86_400_000));
    expect(span(timeline.view)).toBe(FIRST_SPAN_MS);
    const young = new TimelineView(() => NOW);
    young.begin(NOW);
    expect(span(young.view)).toBe(120_000);
  });

  it('follows the playhead until the person looks elsewhere, and again when they act on it', () => {
    timeline.playheadAt(utcMs(NOW + 60_000));
    expect(xAt(timeline.view, utcMs(NOW + 60_000))).toBeCloseTo(900);
    timeline.pan(-5000);
    const { from } = timeline.view;
    timeline.playheadAt(utcMs(NOW + 90_000));
    expect(timeline.view.from).toBe(from);
    timeline.follow();
    timeline.playheadAt(utcMs(NOW + 90_000));
    expect(timeline.view.from).toBeGreaterThan(from);
  });

  it('leaves the playhead behind when zooming in on something else', () => {
    timeline.playheadAt(NOW);
    timeline.zoomAround(100, 0.1);
    const { view } = timeline;
    timeline.playheadAt(utcMs(NOW + 40));
    expect(timeline.view).toBe(view);
  });

  it('keeps following when zooming around the playhead', () => {
    timeline.playheadAt(NOW);
    timeline.zoomStep(true, NOW);
    expect(xAt(timeline.view, NOW)).toBeCloseTo(900);
    timeline.playheadAt(utcMs(NOW + 5000));
    expect(xAt(timeline.view, utcMs(NOW + 5000))).toBeCloseTo(900);
  });

  it('zooms around the middle when the playhead is out of sight', () => {
    timeline.look(utcMs(NOW - 86_400_000));
    const middle = timeAt(timeline.view, 500);
    timeline.zoomStep(false, NOW);
    expect(timeAt(timeline.view, 500)).toBeCloseTo(middle, 0);
  });

  it('centres what was jumped to, but not the future', () => {
    timeline.centre(utcMs(NOW - 86_400_000));
    expect(xAt(timeline.view, utcMs(NOW - 86_400_000))).toBeCloseTo(500);
    timeline.centre(utcMs(NOW + 86_400_000));
    expect(timeline.view.to).toBeLessThanOrEqual(NOW + span(timeline.view) * 0.25 + 1);
  });
});
