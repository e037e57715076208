import { CodedError } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import { MAX_EVENT_MS } from '../../contract/model.ts';
import type { EventCalls, EventRow } from '../event-calls.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly key: number;
  readonly camera: number;
  readonly start_ms: number;
  readonly end_ms: number | null;
  readonly kind: string;
  readonly source: string;
  readonly score: number | null;
  readonly text: string;
}

const DEFAULT_LIMIT = 500;
/** An event of one moment counts as so long, so that it is in the range that holds its moment. */
const MOMENT_MS = 1;
const REACHES_INTO = `camera = @camera AND start_ms > @from - ${MAX_EVENT_MS} - ${MOMENT_MS} AND start_ms < @to
  AND max(coalesce(end_ms, @to), start_ms + ${MOMENT_MS}) > @from`;

export function eventQueries(db: SqlDatabase): EventCalls {
  const insert = db.prepare('INSERT INTO event (camera, start_ms, end_ms, kind, source, score, text) VALUES (?, ?, ?, ?, ?, ?, ?)');
  const byKey = db.prepare('SELECT * FROM event WHERE key = ?');
  const end = db.prepare(
    `UPDATE event SET end_ms = min(max(start_ms, @end), start_ms + ${MAX_EVENT_MS}), score = coalesce(@score, score)
     WHERE key = @key AND end_ms IS NULL`,
  );
  const lastRun = db.prepare('SELECT max(end_ms) AS end_ms FROM run');
  const endAll = db.prepare(
    `UPDATE event SET end_ms = min(max(start_ms, coalesce(?, start_ms)), start_ms + ${MAX_EVENT_MS}) WHERE end_ms IS NULL`,
  );
  const inRange = db.prepare(
    `SELECT * FROM event WHERE ${REACHES_INTO} AND (@kind IS NULL OR kind = @kind) ORDER BY start_ms, key LIMIT @limit`,
  );
  const times = db.prepare(`SELECT start_ms, end_ms FROM event WHERE ${REACHES_INTO}`);
  const last = db.prepare('SELECT * FROM event WHERE camera = ? ORDER BY start_ms DESC, key DESC LIMIT 1');
  const at = (key: number | bigint): EventRow | null => {
    const row = byKey.get(Number(key)) as Row | undefined;
    return row ? fromRow(row) : null;
  };
  return {
    addEvent({ camera, start, end: until, kind, source, score, text }) {
      if (until !== null && (until < start || until - start > MAX_EVENT_MS))
        throw new CodedError('bad-request', `An event ends after it begins, and lasts at most ${MAX_EVENT_MS / 1000} s.`);
      const added = at(insert.run(camera, start, until, kind, source, score, text).lastInsertRowid);
      if (!added) throw new Error('an event that was just added is not there');
      return added;
    },
    endEvent: ({ key, end: until, score }) => (end.run({ key, end: until, score: score ?? null }).changes > 0 ? at(key) : null),
    endOpenEvents: () => endAll.run((lastRun.get() as { end_ms: number | null }).end_ms).changes,
    events: ({ camera, from, to, kind, limit }) =>
      (inRange.all({ camera, from, to, kind: kind ?? null, limit: limit ?? DEFAULT_LIMIT }) as Row[]).map(fromRow),
    lastEvent({ camera }) {
      const row = last.get(camera) as Row | undefined;
      return row ? fromRow(row) : null;
    },
    eventDensity({ camera, from, to, buckets }) {
      const counts = new Array<number>(buckets).fill(0);
      const width = (to - from) / buckets;
      if (!(width > 0)) return counts;
      for (const row of times.all({ camera, from, to }) as Pick<Row, 'start_ms' | 'end_ms'>[]) {
        const first = Math.max(0, Math.floor((row.start_ms - from) / width));
        const until = Math.max(row.end_ms ?? to, row.start_ms + MOMENT_MS);
        const final = Math.min(buckets - 1, Math.ceil((until - from) / width) - 1);
        for (let bucket = first; bucket <= final; bucket += 1) counts[bucket] = (counts[bucket] ?? 0) + 1;
      }
      return counts;
    },
  };
}

function fromRow(row: Row): EventRow {
  const { key, camera, kind, source, score, text } = row;
  return { key, camera, start: utcMs(row.start_ms), end: row.end_ms === null ? null : utcMs(row.end_ms), kind, source, score, text };
}
