import { segmentFile } from '../../segment/names.ts';
import type { StorageCalls } from '../interface.ts';
import { SPAN_TOLERANCE_MS } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';
import { originOf } from './segments.ts';
import type { SpanIndex } from './spans.ts';

interface Row {
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly folder: number | null;
  readonly origin: number;
}

type DeletionCalls = Pick<StorageCalls, 'deleteSegments' | 'garbage' | 'addGarbage' | 'dropGarbage'>;

/** Rows go first, with a note of what must follow: whoever dies in between leaves the note. */
export function deletionQueries(db: SqlDatabase, spans: SpanIndex): DeletionCalls {
  const idOf = db.prepare('SELECT id FROM camera WHERE key = ?');
  const at = db.prepare('SELECT start_ms, duration_ms, bytes, folder, origin FROM segment WHERE camera = ? AND start_ms = ?');
  const remove = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms = ?');
  const removeList = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms = ?');
  const note = db.prepare('INSERT OR IGNORE INTO garbage_file (folder, path) VALUES (?, ?)');
  const list = db.prepare('SELECT folder, path FROM garbage_file ORDER BY folder, path LIMIT ?');
  const drop = db.prepare('DELETE FROM garbage_file WHERE folder = ? AND path = ?');
  const before = db.prepare(
    'SELECT key, end_ms FROM gap WHERE camera = ? AND reason = ? AND start_ms <= ? AND end_ms IS NOT NULL ORDER BY start_ms DESC LIMIT 1',
  );
  const lengthen = db.prepare('UPDATE gap SET end_ms = max(end_ms, ?) WHERE key = ?');
  const addGap = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');

  /** Deletions follow each other, segment by segment: they are one gap. */
  const noteGone = (camera: number, start: number, end: number, reason: string, text: string): void => {
    const last = before.get(camera, reason, start) as { key: number; end_ms: number } | undefined;
    if (last && last.end_ms >= start - SPAN_TOLERANCE_MS) lengthen.run(end, last.key);
    else addGap.run(camera, start, end, reason, text);
  };

  return {
    deleteSegments: db.transaction(({ camera, starts, because }: Parameters<DeletionCalls['deleteSegments']>[0]) => {
      const { id } = (idOf.get(camera) ?? {}) as { id?: string };
      let bytes = 0;
      for (const start of starts) {
        const row = at.get(camera, start) as Row | undefined;
        if (!row || id === undefined) continue;
        remove.run(camera, start);
        removeList.run(camera, start);
        spans.cut(camera, start, start + 1);
        if (row.folder !== null) note.run(row.folder, segmentFile(id, start, originOf(row.origin)));
        if (because) noteGone(camera, start, start + row.duration_ms, because.reason, because.text);
        bytes += row.bytes;
      }
      return bytes;
    }),
    garbage: ({ limit }) => list.all(limit ?? 1_000) as { folder: number; path: string }[],
    addGarbage: ({ folder, path }) => void note.run(folder, path),
    dropGarbage: db.transaction(({ files }: Parameters<DeletionCalls['dropGarbage']>[0]) => {
      for (const { folder, path } of files) drop.run(folder, path);
    }),
  };
}
