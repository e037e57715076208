import type { PathReport, PathSpan, UtcMs } from '../../electron/contract/model.ts';
import { clockMinutes, duration } from '../time/words.ts';
import { pathWord } from '../video/camera-words.ts';

/** What a stretch of the last 24 h was: a way, none although it should have been, or nobody was looking. */
export type Way = 'direct' | 'relayed' | 'rtsp' | 'none' | 'unseen';

export const WAY_WORDS: Readonly<Record<Way, string>> = {
  direct: 'Direct',
  relayed: 'Relayed',
  rtsp: 'RTSP',
  none: 'Not reached',
  unseen: 'Keyhole was not running, or the camera not added yet',
};
const ORDER = Object.keys(WAY_WORDS) as Way[];

export function wayOf({ kind, reason }: PathSpan): Way {
  if (kind === 'none') return reason ? 'none' : 'unseen';
  return ({ Direct: 'direct', Relayed: 'relayed', RTSP: 'rtsp' } as const)[pathWord({ kind })];
}

/** How long each way was in use, those that were, in a fixed order. */
export function shares(history: PathReport['history']): { readonly way: Way; readonly ms: number }[] {
  const sums = new Map<Way, number>();
  for (const span of history) sums.set(wayOf(span), (sums.get(wayOf(span)) ?? 0) + span.to - span.from);
  return ORDER.flatMap((way) => {
    const ms = sums.get(way) ?? 0;
    return ms > 0 ? [{ way, ms }] : [];
  });
}

export interface StripPart {
  readonly way: Way;
  /** Shares of the strip's width, 0..1. */
  readonly left: number;
  readonly width: number;
  readonly title: string;
}

/** The strip's parts: neighbours of the same way are one, whatever kind of direct they were. */
export function stripParts(history: PathReport['history'], zone: string): StripPart[] {
  const from = history[0]?.from ?? 0;
  const length = Math.max(1, (history.at(-1)?.to ?? 0) - from);
  const merged: { way: Way; from: UtcMs; to: UtcMs }[] = [];
  for (const span of history) {
    const way = wayOf(span);
    const last = merged.at(-1);
    if (last?.way === way) last.to = span.to;
    else merged.push({ way, from: span.from, to: span.to });
  }
  return merged.map((part) => ({
    way: part.way,
    left: (part.from - from) / length,
    width: (part.to - part.from) / length,
    title: `${clockMinutes(part.from, zone)} to ${clockMinutes(part.to, zone)}: ${WAY_WORDS[part.way]}`,
  }));
}

/** The changes of the last 24 h for those who read them, the newest first; what nobody saw is left out. */
export function changes(
  history: PathReport['history'],
  zone: string,
  limit = 12,
): { readonly at: UtcMs; readonly when: string; readonly way: Way; readonly text: string }[] {
  return history
    .filter((span) => wayOf(span) !== 'unseen')
    .slice(-limit)
    .reverse()
    .map((span) => ({
      at: span.from,
      when: clockMinutes(span.from, zone),
      way: wayOf(span),
      text: `${WAY_WORDS[wayOf(span)]} for ${duration(span.to - span.from)}${span.reason ? `: ${span.reason.text}` : ''}`,
    }));
}
