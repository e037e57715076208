import type { Gap, Recordings, UtcMs } from '../../electron/contract/model.ts';
import { xAt, type View } from './scale.ts';
import type { Tick } from './ticks.ts';

export interface TimelineColors {
  readonly ground: string;
  readonly gap: string;
  readonly future: string;
  readonly band: string;
  readonly bandEdge: string;
  readonly text: string;
  readonly line: string;
  readonly strong: string;
  readonly warn: string;
  readonly playhead: string;
  readonly now: string;
  readonly accent: string;
  readonly font: string;
}

export interface TimelinePicture {
  readonly view: View;
  readonly ticks: readonly Tick[];
  readonly recordings: Recordings;
  readonly now: UtcMs;
  /** CSS pixels from the left, as `hover`. */
  readonly playheadX: number | null;
  readonly hover: number | null;
}

export const RULER_HEIGHT = 26;
export const LANE_HEIGHT = 36;
export const TIMELINE_HEIGHT = RULER_HEIGHT + LANE_HEIGHT;

const NO_FAILURE = new Set<Gap['reason']>(['not-added-yet', 'app-not-running', 'connecting', 'recorder-stopped', 'future', 'unknown']);

/** Whether the gap is one that should not be. */
export const isFailure = (gap: Gap): boolean => !NO_FAILURE.has(gap.reason);

export function readColors(root: Element): TimelineColors {
  const style = getComputedStyle(root);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: color('surface'),
    gap: color('gap'),
    future: color('future'),
    band: color('band'),
    bandEdge: color('band-edge'),
    text: color('text-2'),
    line: color('line'),
    strong: color('line-strong'),
    warn: color('warn'),
    playhead: color('text'),
    now: color('rec'),
    accent: color('accent'),
    font: `11px ${color('font')}`,
  };
}

/** Draws in CSS pixels; the caller has scaled the context for the screen. */
export function drawTimeline(context: CanvasRenderingContext2D, picture: TimelinePicture, colors: TimelineColors): void {
  const { view, now, playheadX, hover } = picture;
  context.fillStyle = colors.ground;
  context.fillRect(0, 0, view.width, TIMELINE_HEIGHT);
  drawLane(context, picture, colors);
  drawTicks(context, picture, colors);
  if (hover !== null) line(context, hover, 0, colors.strong, 1);
  line(context, xAt(view, now), RULER_HEIGHT, colors.now, 1.5);
  if (playheadX !== null) drawPlayhead(context, playheadX, colors);
}

function drawLane(context: CanvasRenderingContext2D, { view, recordings, now }: TimelinePicture, colors: TimelineColors): void {
  context.fillStyle = colors.gap;
  context.fillRect(0, RULER_HEIGHT, view.width, LANE_HEIGHT);
  const present = xAt(view, now);
  if (present < view.width) {
    context.fillStyle = colors.future;
    context.fillRect(Math.max(0, present), RULER_HEIGHT, view.width, LANE_HEIGHT);
  }
  context.fillStyle = colors.band;
  for (const { from, to } of recordings.spans) bar(context, view, from, to, RULER_HEIGHT, LANE_HEIGHT);
  context.fillStyle = colors.bandEdge;
  for (const { from, to } of recordings.spans) bar(context, view, from, to, RULER_HEIGHT, 2);
  context.fillStyle = colors.warn;
  for (const gap of recordings.gaps) if (isFailure(gap)) bar(context, view, gap.from, gap.to, TIMELINE_HEIGHT - 3, 3);
}

function bar(context: CanvasRenderingContext2D, view: View, from: UtcMs, to: UtcMs, y: number, height: number): void {
  const left = Math.max(-1, xAt(view, from));
  const right = Math.min(view.width + 1, xAt(view, to));
  // However short, a recording or a failure can be seen.
  if (right >= 0 && left <= view.width) context.fillRect(left, y, Math.max(2, right - left), height);
}

function drawTicks(context: CanvasRenderingContext2D, { view, ticks, playheadX }: TimelinePicture, colors: TimelineColors): void {
  context.font = colors.font;
  context.textBaseline = 'middle';
  for (const tick of ticks) {
    const x = Math.round(xAt(view, tick.at)) + 0.5;
    context.fillStyle = tick.day ? colors.strong : colors.line;
    context.fillRect(x - 0.5, tick.day ? 4 : RULER_HEIGHT - 6, 1, tick.day ? RULER_HEIGHT - 4 : 6);
    context.globalAlpha = 0.35;
    context.fillRect(x - 0.5, RULER_HEIGHT, 1, LANE_HEIGHT);
    context.globalAlpha = 1;
    context.fillStyle = tick.day ? colors.playhead : colors.text;
    // Under the playhead's handle it could not be read.
    const end = x + 5 + context.measureText(tick.label).width;
    if (playheadX === null || playheadX < x - 4 || playheadX > end + 8) context.fillText(tick.label, x + 5, RULER_HEIGHT / 2 - 1);
  }
}

function drawPlayhead(context: CanvasRenderingContext2D, x: number, colors: TimelineColors): void {
  line(context, x, 0, colors.playhead, 2);
  context.fillStyle = colors.playhead;
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x + 6, 5);
  context.lineTo(x, 11);
  context.lineTo(x - 6, 5);
  context.fill();
}

function line(context: CanvasRenderingContext2D, x: number, top: number, color: string, width: number): void {
  context.fillStyle = color;
  context.fillRect(x - width / 2, top, width, TIMELINE_HEIGHT - top);
}
