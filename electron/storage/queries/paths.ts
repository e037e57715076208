import { isErrorCode } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import type { PathSpan } from '../../contract/model.ts';
import { MAX_PATH_SPANS, type StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

/** What stands in the column `kind`: never reorder, add at the end. */
const KINDS: readonly PathSpan['kind'][] = ['none', 'host', 'srflx', 'prflx', 'relay', 'rtsp'];

interface Row {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly kind: number;
  readonly code: string | null;
  readonly text: string | null;
}

type PathCalls = Pick<StorageCalls, 'notePaths' | 'pathSpans' | 'relayUse'>;

export function pathQueries(db: SqlDatabase): PathCalls {
  // A camera that was removed meanwhile gets no rows: nobody would take them away again.
  const put = db.prepare(
    `INSERT INTO path_span (camera, start_ms, end_ms, kind, code, text)
     SELECT @camera, @start, @end, @kind, @code, @text WHERE EXISTS (SELECT 1 FROM camera WHERE key = @camera AND removed_ms IS NULL)
     ON CONFLICT (camera, start_ms) DO UPDATE SET end_ms = excluded.end_ms, kind = excluded.kind, code = excluded.code, text = excluded.text`,
  );
  const forget = db.prepare('DELETE FROM path_span WHERE camera = ? AND end_ms <= ?');
  const crowd = db.prepare(
    `DELETE FROM path_span WHERE camera = @camera AND start_ms <=
     (SELECT start_ms FROM path_span WHERE camera = @camera ORDER BY start_ms DESC LIMIT 1 OFFSET ${MAX_PATH_SPANS})`,
  );
  const use = db.prepare(
    `INSERT INTO relay_use (camera, month, bytes) SELECT @camera, @month, @bytes WHERE EXISTS (SELECT 1 FROM camera WHERE key = @camera AND removed_ms IS NULL)
     ON CONFLICT (camera, month) DO UPDATE SET bytes = bytes + excluded.bytes`,
  );
  const inRange = db.prepare('SELECT * FROM path_span WHERE camera = ? AND end_ms > ? AND start_ms < ? ORDER BY start_ms');
  const used = db.prepare('SELECT bytes FROM relay_use WHERE camera = ? AND month = ?');

  return {
    notePaths: db.transaction(({ spans, relayed, forgetBefore }: Parameters<PathCalls['notePaths']>[0]) => {
      for (const { camera, from: start, to: end, kind, reason } of spans) {
        put.run({ camera, start, end, kind: KINDS.indexOf(kind), code: reason?.code ?? null, text: reason?.text ?? null });
      }
      for (const camera of new Set(spans.map((span) => span.camera))) {
        forget.run(camera, forgetBefore);
        crowd.run({ camera });
      }
      for (const { camera, month, bytes } of relayed) use.run({ camera, month, bytes });
    }),
    pathSpans: ({ camera, from, to }) => (inRange.all(camera, from, to) as Row[]).map(fromRow),
    relayUse: ({ camera, month }) => (used.get(camera, month) as { bytes: number } | undefined)?.bytes ?? 0,
  };
}

function fromRow({ start_ms: start, end_ms: end, kind, code, text }: Row): PathSpan {
  const reason = code === null ? null : { code: isErrorCode(code) ? code : ('internal' as const), text: text ?? '' };
  return { from: utcMs(start), to: utcMs(end), kind: KINDS[kind] ?? 'none', reason };
}
