import type { PathReport, PathSpan, Reason, UtcMs } from '../../electron/contract/model.ts';
import { clockMinutes, duration } from '../time/words.ts';
import { pathWord } from '../video/camera-words.ts';

/** What a stretch of the last 24 h was: a way, none although it should have been, or nobody was looking. */
export type Way = 'direct' | 'relayed' | 'rtsp' | 'none' | 'unwatched' | 'before';

export const WAY_WORDS: Readonly<Record<Way, string>> = {
  direct: 'Direct',
  relayed: 'Relayed',
  rtsp: 'RTSP',
  none: 'Not reached',
  unwatched: 'Keyhole was not running',
  before: 'Not added yet',
};
const ORDER = Object.keys(WAY_WORDS) as Way[];

export interface WaySpan {
  readonly from: UtcMs;
  readonly to: UtcMs;
  readonly way: Way;
  readonly reason: Reason | null;
}

const wayOf = ({ kind, reason }: PathSpan): Way => {
  if (kind === 'none') return reason ? 'none' : 'unwatched';
  return ({ Direct: 'direct', Relayed: 'relayed', RTSP: 'rtsp' } as const)[pathWord({ kind })];
};

/** The history in ways: neighbours of the same way and reason are one, whatever kind of direct they were. It still tiles the 24 h. */
export function waySpans(history: PathReport['history'], createdAt: UtcMs): WaySpan[] {
  const spans: { from: UtcMs; to: UtcMs; way: Way; reason: Reason | null }[] = [];
  const put = (span: WaySpan) => {
    const last = spans.at(-1);
    if (last?.way === span.way && last.reason?.code === span.reason?.code) last.to = span.to;
    else if (span.to > span.from) spans.push({ ...span });
  };
  for (const span of history) {
    const way = wayOf(span);
    const { from, to, reason } = span;
    if (way !== 'unwatched' || from >= createdAt) put({ from, to, way, reason });
    else {
      const added = createdAt < to ? createdAt : to;
      put({ from, to: added, way: 'before', reason });
      put({ from: added, to, way, reason });
    }
  }
  return spans;
}

/** Less is no time that anybody would ask about: between being added and being asked for, say. */
const WORTH_MS = 1000;

/** How long each way was in use, those that were, in a fixed order. */
export function shares(spans: readonly WaySpan[]): { readonly way: Way; readonly ms: number }[] {
  const sums = new Map<Way, number>();
  for (const { way, from, to } of spans) sums.set(way, (sums.get(way) ?? 0) + to - from);
  return ORDER.flatMap((way) => {
    const ms = sums.get(way) ?? 0;
    return ms >= WORTH_MS ? [{ way, ms }] : [];
  });
}

export interface StripPart {
  readonly way: Way;
  /** Shares of the strip's width, 0..1. */
  readonly left: number;
  readonly width: number;
  readonly title: string;
}

export function stripParts(spans: readonly WaySpan[], zone: string): StripPart[] {
  const from = spans[0]?.from ?? 0;
  const length = Math.max(1, (spans.at(-1)?.to ?? 0) - from);
  return spans.map((span) => ({
    way: span.way,
    left: (span.from - from) / length,
    width: (span.to - span.from) / length,
    title: `${clockMinutes(span.from, zone)} to ${clockMinutes(span.to, zone)}: ${WAY_WORDS[span.way]}`,
  }));
}

export interface WayChange {
  readonly at: UtcMs;
  readonly when: string;
  readonly text: string;
}

/** What changed in the last 24 h for those who read it, the newest first; what nobody saw is left out. */
export function changes(spans: readonly WaySpan[], zone: string, limit = 12): WayChange[] {
  return spans
    .filter(({ way }) => way !== 'unwatched' && way !== 'before')
    .slice(-limit)
    .reverse()
    .map(({ from, to, way, reason }) => ({
      at: from,
      when: clockMinutes(from, zone),
      text: `${WAY_WORDS[way]} for ${duration(to - from)}${reason ? `: ${reason.text}` : ''}`,
    }));
}
