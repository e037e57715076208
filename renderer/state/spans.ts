import { utcMs, type Gap, type Recordings, type Span } from '../../electron/contract/model.ts';

/** Footage that became playable joins what is known; gaps give way to it. */
export function addSpan(recordings: Recordings, added: Span): Recordings {
  if (added.to <= added.from) return recordings;
  let { from, to } = added;
  const apart: Span[] = [];
  for (const span of recordings.spans) {
    if (span.to < from || span.from > to) apart.push(span);
    else {
      from = utcMs(Math.min(from, span.from));
      to = utcMs(Math.max(to, span.to));
    }
  }
  const spans = [...apart, { from, to }].sort((a, b) => a.from - b.from);
  const gaps = recordings.gaps.flatMap((gap) => without(gap, added));
  return { ...recordings, spans, gaps };
}

function without(gap: Gap, { from, to }: Span): Gap[] {
  if (to <= gap.from || from >= gap.to) return [gap];
  const rest: Gap[] = [];
  if (gap.from < from) rest.push({ ...gap, to: from });
  if (to < gap.to) rest.push({ ...gap, from: to });
  return rest;
}
