import { segmentFile } from '../../segment/names.ts';
import type { StorageCalls } from '../interface.ts';
import { SPAN_TOLERANCE_MS } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';
import { gapOver } from './gaps.ts';
import { originOf } from './segments.ts';
import type { SpanIndex } from './spans.ts';

interface Row {
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly folder: number | null;
  readonly origin: number;
  readonly archive: number | null;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

type DeletionCalls = Pick<StorageCalls, 'deleteSegments' | 'garbage' | 'addGarbage' | 'dropGarbage'>;

/** Rows go first, with a note of what must follow: whoever dies in between leaves the note. */
export function deletionQueries(db: SqlDatabase, spans: SpanIndex): DeletionCalls {
  const idOf = db.prepare('SELECT id FROM camera WHERE key = ?');
  const at = db.prepare('SELECT start_ms, duration_ms, bytes, folder, origin, archive FROM segment WHERE camera = ? AND start_ms = ?');
  const remove = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms = ?');
  const removeList = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms = ?');
  const note = db.prepare('INSERT OR IGNORE INTO garbage_file (folder, path) VALUES (?, ?)');
  const onlyArchive = db.prepare('UPDATE segment SET folder = NULL WHERE camera = ? AND start_ms = ?');
  const stays = db.prepare('SELECT 1 FROM segment WHERE camera = ? AND start_ms > ? AND start_ms < ? LIMIT 1');
  const listOf = db.prepare('SELECT folder, path FROM garbage_file WHERE folder = ? AND path > ? ORDER BY path LIMIT ?');
  const list = db.prepare('SELECT folder, path FROM garbage_file ORDER BY folder, path LIMIT ?');
  const drop = db.prepare('DELETE FROM garbage_file WHERE folder = ? AND path = ?');
  const before = db.prepare(gapOver('key', 'reason = @reason AND text = @text'));
  const lengthen = db.prepare('UPDATE gap SET end_ms = max(end_ms, ?) WHERE key = ?');
  const addGap = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');

  /** Deletions follow each other, batch by batch: they are one gap. */
  const noteGone = (camera: number, { start, end }: Stretch, reason: string, text: string): void => {
    const last = before.get({ camera, start, until: start - SPAN_TOLERANCE_MS, reason, text }) as { key: number } | undefined;
    if (last) lengthen.run(end, last.key);
    else addGap.run(camera, start, end, reason, text);
  };

  /** What the rows took, merged where they touch. */
  const stretches = (rows: readonly Row[]): Stretch[] => {
    const merged: { start: number; end: number }[] = [];
    for (const { start_ms: start, duration_ms: duration } of rows) {
      const last = merged.at(-1);
      if (last && start <= last.end + SPAN_TOLERANCE_MS) last.end = Math.max(last.end, start + duration);
      else merged.push({ start, end: start + duration });
    }
    return merged;
  };

  /** Rows that follow each other without one that stays in between are cut out of the spans in one go. */
  const cutSpans = (camera: number, rows: readonly Row[]): void => {
    let first: number | null = null;
    for (const [i, { start_ms: start }] of rows.entries()) {
      first ??= start;
      const next = rows[i + 1]?.start_ms;
      if (next !== undefined && !stays.get(camera, start, next)) continue;
      spans.cut(camera, first, start + 1);
      first = null;
    }
  };

  return {
    deleteSegments: db.transaction(
      ({ camera, starts, because, keepArchived, keepFiles }: Parameters<DeletionCalls['deleteSegments']>[0]) => {
        const { id } = (idOf.get(camera) ?? {}) as { id?: string };
        if (id === undefined) return 0;
        const gone: Row[] = [];
        let bytes = 0;
        for (const start of [...new Set(starts)].sort((a, b) => a - b)) {
          const row = at.get(camera, start) as Row | undefined;
          if (!row) continue;
          if (row.folder !== null && !keepFiles) note.run(row.folder, segmentFile(id, start, originOf(row.origin)));
          bytes += row.bytes;
          if (keepArchived && row.archive !== null) {
            onlyArchive.run(camera, start);
            continue;
          }
          remove.run(camera, start);
          removeList.run(camera, start);
          gone.push(row);
        }
        cutSpans(camera, gone);
        if (because) for (const stretch of stretches(gone)) noteGone(camera, stretch, because.reason, because.text);
        return bytes;
      },
    ),
    garbage: ({ limit, folder, after = '' }) =>
      (folder === undefined ? list.all(limit ?? 1_000) : listOf.all(folder, after, limit ?? 1_000)) as { folder: number; path: string }[],
    addGarbage: ({ folder, path }) => void note.run(folder, path),
    dropGarbage: db.transaction(({ files }: Parameters<DeletionCalls['dropGarbage']>[0]) => {
      for (const { folder, path } of files) drop.run(folder, path);
    }),
  };
}
