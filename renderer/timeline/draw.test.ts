import { describe, expect, it } from 'vitest';
import { utcMs, type GapReason, type Recordings } from '../../electron/contract/model.ts';
import { bars, drawTimeline, TIMELINE_HEIGHT, type TimelineColors } from './draw.ts';

const at = (ms: number) => utcMs(ms);
const DAY = 86_400_000;
const view = { from: at(0), to: at(7 * DAY), width: 1000 };
const NAMES = ['ground', 'gap', 'future', 'band', 'bandEdge', 'text', 'line', 'strong', 'warn', 'playhead', 'now', 'accent', 'font'];
const colors = Object.fromEntries(NAMES.map((name) => [name, name])) as unknown as TimelineColors;

interface Stroke {
  readonly color: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** What is filled, in order; everything else is counted. */
function drawn(recordings: Recordings): { fills: Stroke[]; calls: number } {
  const fills: Stroke[] = [];
  let calls = 0;
  const state: Record<string, unknown> = {};
  const context = new Proxy(state, {
    get: (target, name: string) => {
      if (name in target) return target[name];
      return (x = 0, y = 0, width = 0) => {
        calls += 1;
        if (name === 'fillRect') fills.push({ color: String(target['fillStyle']), x, y, width });
        return { width: 10 };
      };
    },
  }) as unknown as CanvasRenderingContext2D;
  const picture = { view, ticks: [], recordings, events: null, now: at(7 * DAY), playheadX: null, hover: null };
  drawTimeline(context, picture, colors);
  return { fills, calls };
}

const gap = (from: number, ms: number, reason: GapReason) => ({ from: at(from), to: at(from + ms), reason, text: '' });

describe('bars', () => {
  it('are at least two pixels wide, one where they touch, and only where the view is', () => {
    const short = { from: at(DAY), to: at(DAY + 1000) };
    expect(bars(view, [short])).toEqual([{ left: 1000 / 7, right: 1000 / 7 + 2 }]);
    expect(bars(view, [short, { from: at(DAY + 1000), to: at(2 * DAY) }])).toHaveLength(1);
    expect(bars(view, [{ from: at(-DAY), to: at(9 * DAY) }])).toEqual([{ left: -1, right: 1001 }]);
    expect(bars(view, [{ from: at(8 * DAY), to: at(9 * DAY) }])).toEqual([]);
  });
});

describe('the lane', () => {
  it('shows a failure of a second in a week, over the footage around it', () => {
    const spans = [
      { from: at(0), to: at(DAY) },
      { from: at(DAY + 1000), to: at(7 * DAY) },
    ];
    const { fills } = drawn({ spans, gaps: [gap(DAY, 1000, 'session-lost')], healed: [], coverage: 1 });
    const last = fills.findLastIndex(({ color }) => color === 'warn');
    expect(fills[last]).toEqual({ color: 'warn', x: 1000 / 7, y: TIMELINE_HEIGHT - 3, width: 2 });
    expect(last).toBeGreaterThan(fills.findLastIndex(({ color }) => color === 'band'));
  });

  it('costs no more with a hundred thousand gaps than with what fits on the screen', () => {
    const reasons: GapReason[] = ['session-lost', 'asleep', 'schedule', 'deleted-by-person'];
    const step = (7 * DAY) / 100_000;
    const gaps = Array.from({ length: 100_000 }, (_, i) => gap(i * step, step / 2, reasons[i % 4] ?? 'unknown'));
    expect(drawn({ spans: [], gaps, healed: [], coverage: 0 }).calls).toBeLessThan(5_000);
  });
});
