import { utcMs } from '../../base/units.ts';
import { MAX_SEGMENT_MS, SPAN_TOLERANCE_MS, type StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

interface SpanRow {
  readonly start_ms: number;
  readonly end_ms: number;
}

/**
 * Recorded time, merged: kept beside the segments in the same transaction, because merging a year's half a million rows at
 * each look at the timeline takes seconds. Invariant: the spans of a camera are disjoint, more than SPAN_TOLERANCE_MS apart,
 * and what one gets by merging its segments.
 */
export interface SpanIndex {
  /** To be called within the transaction that inserts the segment. */
  extend(camera: number, start: number, end: number): void;
  /** To be called within the transaction, after the segments that begin in [from, to) are deleted. */
  cut(camera: number, from: number, to: number): void;
}

export function spanQueries(db: SqlDatabase): SpanIndex & Pick<StorageCalls, 'spans' | 'around'> {
  // Spans are disjoint, so their ends are in the order of their starts: walking back from the last that could touch suffices.
  const touching = db.prepare('SELECT start_ms, end_ms FROM span WHERE camera = ? AND start_ms <= ? ORDER BY start_ms DESC LIMIT 1');
  const remove = db.prepare('DELETE FROM span WHERE camera = ? AND start_ms = ?');
  const insert = db.prepare('INSERT INTO span (camera, start_ms, end_ms) VALUES (?, ?, ?)');
  const inRange = db.prepare(
    `SELECT start_ms, end_ms FROM span WHERE camera = @camera AND end_ms > @from AND start_ms < @to
     AND start_ms >= coalesce((SELECT max(start_ms) FROM span WHERE camera = @camera AND start_ms <= @from), @from) ORDER BY start_ms`,
  );
  const first = db.prepare('SELECT start_ms, end_ms FROM span WHERE camera = ? AND start_ms > ? ORDER BY start_ms LIMIT 1');
  const lastEnd = db.prepare(
    'SELECT max(start_ms + duration_ms) AS end_ms FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ?',
  );
  const between = db.prepare(
    'SELECT start_ms, start_ms + duration_ms AS end_ms FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ?',
  );
  const nextStart = db.prepare('SELECT min(start_ms) AS start_ms FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ?');

  const extend = (camera: number, start: number, end: number): void => {
    let from = start;
    let to = end;
    for (;;) {
      const span = touching.get(camera, to + SPAN_TOLERANCE_MS) as SpanRow | undefined;
      if (!span || span.end_ms < from - SPAN_TOLERANCE_MS) break;
      from = Math.min(from, span.start_ms);
      to = Math.max(to, span.end_ms);
      remove.run(camera, span.start_ms);
    }
    insert.run(camera, from, to);
  };

  const spansIn = (camera: number, from: number, to: number): SpanRow[] => inRange.all({ camera, from, to }) as SpanRow[];

  return {
    extend,
    cut(camera, from, to) {
      for (const span of spansIn(camera, from, to)) {
        remove.run(camera, span.start_ms);
        const left = lastEnd.get(camera, Math.max(span.start_ms, from - MAX_SEGMENT_MS), from) as { end_ms: number | null };
        if (left.end_ms !== null && span.start_ms < from) extend(camera, span.start_ms, left.end_ms);
        // A removed segment may have bridged what begins behind it, but no farther than a segment is long.
        const bridged = to + MAX_SEGMENT_MS;
        const near = between.all(camera, to, Math.min(bridged, span.end_ms)) as SpanRow[];
        for (const segment of near) extend(camera, segment.start_ms, segment.end_ms);
        const far = nextStart.get(camera, bridged, span.end_ms) as { start_ms: number | null };
        if (far.start_ms !== null) extend(camera, far.start_ms, span.end_ms);
      }
    },
    spans: ({ camera, from, to }) =>
      spansIn(camera, from, to).map((row) => ({ from: utcMs(Math.max(row.start_ms, from)), to: utcMs(Math.min(row.end_ms, to)) })),
    around({ camera, at }) {
      const before = touching.get(camera, at - 1) as SpanRow | undefined;
      const after = touching.get(camera, at) as SpanRow | undefined;
      const next = first.get(camera, at) as SpanRow | undefined;
      return {
        previous: before ? utcMs(Math.min(before.end_ms, at) - 1) : null,
        next: after && after.end_ms > at + 1 ? utcMs(at + 1) : next ? utcMs(next.start_ms) : null,
      };
    },
  };
}
