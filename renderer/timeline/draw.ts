import { utcMs, type Recordings, type Span, type UtcMs } from '../../electron/contract/model.ts';
import { kindOf, type ReasonKind } from '../video/reason-words.ts';
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

/** How many events there are in each of the equal slices of a range. */
export interface EventDensity extends Span {
  readonly counts: readonly number[];
}

export interface TimelinePicture {
  readonly view: View;
  readonly ticks: readonly Tick[];
  readonly recordings: Recordings;
  readonly events: EventDensity | null;
  readonly now: UtcMs;
  /** CSS pixels from the left, as `hover`. */
  readonly playheadX: number | null;
  readonly hover: number | null;
}

export const RULER_HEIGHT = 26;
export const LANE_HEIGHT = 36;
export const TIMELINE_HEIGHT = RULER_HEIGHT + LANE_HEIGHT;
/** From the top of the lane: where the fine line of healed footage is. */
const HEALED_AT = 17;
/** Between the lines of a hatch, pixels along the lane. */
const HATCH = 7;
const DASH = 6;

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

function drawLane(context: CanvasRenderingContext2D, picture: TimelinePicture, colors: TimelineColors): void {
  const { view, recordings, now } = picture;
  context.fillStyle = colors.gap;
  context.fillRect(0, RULER_HEIGHT, view.width, LANE_HEIGHT);
  const present = xAt(view, now);
  if (present < view.width) {
    context.fillStyle = colors.future;
    context.fillRect(Math.max(0, present), RULER_HEIGHT, view.width, LANE_HEIGHT);
  }
  const ofKind = (kind: ReasonKind) =>
    bars(
      view,
      recordings.gaps.filter((gap) => kindOf(gap.reason) === kind),
    );
  const recorded = bars(view, recordings.spans);
  fill(context, ofKind('not-owed'), RULER_HEIGHT, LANE_HEIGHT, colors.future);
  hatch(context, ofKind('away'), colors.strong);
  dashes(context, ofKind('deleted'), colors.strong);
  const failed = ofKind('failure');
  context.globalAlpha = 0.16;
  fill(context, failed, RULER_HEIGHT, LANE_HEIGHT, colors.warn);
  context.globalAlpha = 1;
  fill(context, recorded, RULER_HEIGHT, LANE_HEIGHT, colors.band);
  fill(context, recorded, RULER_HEIGHT, 2, colors.bandEdge);
  drawHealed(context, bars(view, recordings.healed), colors);
  // Over the footage: however short, a failure can be seen.
  fill(context, failed, TIMELINE_HEIGHT - 3, 3, colors.warn);
  drawEvents(context, picture, colors);
}

interface Bar {
  readonly left: number;
  readonly right: number;
}

/** Where the ranges are on the screen, in order; those that touch or share a pixel are one, however many there are. */
export function bars(view: View, ranges: readonly Span[], least = 2): Bar[] {
  const found: { left: number; right: number }[] = [];
  for (const { from, to } of ranges) {
    const left = Math.max(-1, xAt(view, from));
    const end = Math.min(view.width + 1, xAt(view, to));
    if (end < 0 || left > view.width) continue;
    const right = Math.max(left + least, end);
    const last = found.at(-1);
    if (last && left - last.right < 0.25) last.right = Math.max(last.right, right);
    else found.push({ left, right });
  }
  return found;
}

function fill(context: CanvasRenderingContext2D, shapes: readonly Bar[], y: number, height: number, color: string): void {
  context.fillStyle = color;
  for (const { left, right } of shapes) context.fillRect(left, y, right - left, height);
}

/** Nobody could have recorded. */
function hatch(context: CanvasRenderingContext2D, shapes: readonly Bar[], color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.globalAlpha = 0.55;
  for (const { left, right } of shapes) {
    context.save();
    context.beginPath();
    context.rect(left, RULER_HEIGHT, right - left, LANE_HEIGHT);
    context.clip();
    context.beginPath();
    for (let x = left - LANE_HEIGHT; x < right; x += HATCH) {
      context.moveTo(x, TIMELINE_HEIGHT);
      context.lineTo(x + LANE_HEIGHT, RULER_HEIGHT);
    }
    context.stroke();
    context.restore();
  }
  context.globalAlpha = 1;
}

/** Deleted: a broken line where footage was. */
function dashes(context: CanvasRenderingContext2D, shapes: readonly Bar[], color: string): void {
  context.fillStyle = color;
  context.globalAlpha = 0.7;
  const y = RULER_HEIGHT + Math.round(LANE_HEIGHT / 2);
  for (const { left, right } of shapes)
    for (let x = left + 1; x < right; x += 2 * DASH) context.fillRect(x, y, Math.min(DASH, right - x), 1);
  context.globalAlpha = 1;
}

/** Fetched later: a fine line in the footage. */
function drawHealed(context: CanvasRenderingContext2D, shapes: readonly Bar[], colors: TimelineColors): void {
  context.globalAlpha = 0.75;
  fill(context, shapes, RULER_HEIGHT + HEALED_AT, 1, colors.playhead);
  context.globalAlpha = 1;
}

/** The more events in a slice, the higher its mark. */
function drawEvents(context: CanvasRenderingContext2D, { view, events }: TimelinePicture, colors: TimelineColors): void {
  const most = Math.max(0, ...(events?.counts ?? []));
  if (!events || most === 0) return;
  const width = (events.to - events.from) / events.counts.length;
  context.fillStyle = colors.playhead;
  context.globalAlpha = 0.85;
  events.counts.forEach((count, i) => {
    const left = xAt(view, utcMs(events.from + i * width));
    const right = xAt(view, utcMs(events.from + (i + 1) * width));
    if (count === 0 || right < 0 || left > view.width) return;
    const height = 3 + Math.round((6 * count) / most);
    context.fillRect(left, TIMELINE_HEIGHT - 4 - height, Math.max(2, right - left), height);
  });
  context.globalAlpha = 1;
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
