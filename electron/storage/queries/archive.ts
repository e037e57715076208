import { utcMs } from '../../base/units.ts';
import type { ArchiveCalls, ArchivedName, SegmentsAndBytes } from '../archive-calls.ts';
import type { SqlDatabase } from '../sql.ts';
import { GOING_KEYS } from './forgetting.ts';
import { originCode, originOf } from './segments.ts';

interface Start {
  readonly start_ms: number;
  readonly bytes: number;
}

/** Rows of what waits that are forgotten at once. */
const FORGET_AT_ONCE = 5_000;

export function archiveQueries(db: SqlDatabase): ArchiveCalls {
  const next = db.prepare(
    `SELECT start_ms FROM archive_waiting w WHERE camera = @camera AND start_ms > @after AND (origin <> ${originCode('sub')} OR start_ms < @subBefore)
     AND (@without = '[]' OR NOT EXISTS (SELECT 1 FROM segment s WHERE s.camera = w.camera AND s.start_ms = w.start_ms
       AND s.folder IN (SELECT value FROM json_each(@without)))) ORDER BY start_ms LIMIT 1`,
  );
  const done = db.prepare('UPDATE segment SET archive = ? WHERE camera = ? AND start_ms = ? AND bytes = ? AND origin = ?');
  const addGarbage = db.prepare('INSERT OR IGNORE INTO archive_garbage (archive, camera, start_ms, origin) VALUES (?, ?, ?, ?)');
  const skip = db.prepare('DELETE FROM archive_waiting WHERE camera = ? AND start_ms = ?');
  const backwards = db.prepare(
    'SELECT start_ms, bytes, origin, folder, archive FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms DESC LIMIT ?',
  );
  const wait = db.prepare('INSERT OR IGNORE INTO archive_waiting (camera, start_ms, bytes, origin) VALUES (?, ?, ?, ?)');
  const forget = db.prepare(
    `DELETE FROM archive_waiting WHERE (camera, start_ms) IN (SELECT camera, start_ms FROM archive_waiting LIMIT ${FORGET_AT_ONCE})`,
  );
  const total = db.prepare('SELECT segments, bytes FROM archive_total WHERE archive = ? AND camera = ?');
  const oldest = db.prepare('SELECT min(start_ms) AS start_ms FROM segment WHERE archive = ?');
  const oldestFree = db.prepare(
    `SELECT s.camera, s.start_ms, s.bytes, s.folder FROM segment s INDEXED BY segment_archived
     WHERE s.archive = @archive AND s.start_ms < @before AND s.camera NOT IN (${GOING_KEYS}) AND NOT EXISTS (
       SELECT 1 FROM protected p WHERE p.camera = s.camera AND p.start_ms < s.start_ms + s.duration_ms AND p.end_ms > s.start_ms
       AND (p.until_ms IS NULL OR p.until_ms > @now))
     ORDER BY s.start_ms LIMIT @limit`,
  );
  const release = db.prepare('UPDATE segment SET archive = NULL WHERE camera = ? AND start_ms = ? AND archive = ? AND folder IS NOT NULL');
  const garbage = db.prepare('SELECT camera, start_ms, origin FROM archive_garbage WHERE archive = ? LIMIT ?');
  const isGarbage = db.prepare('SELECT 1 FROM archive_garbage WHERE archive = ? AND camera = ? AND start_ms = ? AND origin = ?');
  const dropGarbage = db.prepare('DELETE FROM archive_garbage WHERE archive = ? AND camera = ? AND start_ms = ? AND origin = ?');
  const archived = db.prepare(
    'SELECT archive, origin, bytes, hash FROM segment WHERE camera = (SELECT key FROM camera WHERE id = ?) AND start_ms = ? AND archive IS NOT NULL',
  );
  const addCamera = db.prepare(
    "INSERT OR IGNORE INTO camera (id, name, created_ms, removed_ms, source_kind, source) VALUES (?, ?, ?, ?, 'rtsp', x'')",
  );
  const cameraKey = db.prepare('SELECT key FROM camera WHERE id = ?');
  const totalOf = (archive: number, camera: number): SegmentsAndBytes =>
    (total.get(archive, camera) as SegmentsAndBytes | undefined) ?? { segments: 0, bytes: 0 };

  return {
    archiveNext({ cameras, subBefore, after, without = [] }) {
      let found: { camera: number; start: number } | null = null;
      for (const camera of cameras) {
        const args = { camera, subBefore, after: after?.get(camera) ?? -8.64e15, without: JSON.stringify(without) };
        const row = next.get(args) as Start | undefined;
        if (row && (!found || row.start_ms < found.start)) found = { camera, start: row.start_ms };
      }
      return found && { camera: found.camera, start: utcMs(found.start) };
    },
    archiveDone: db.transaction(({ camera, key, start, origin, archive, bytes }: Parameters<ArchiveCalls['archiveDone']>[0]) => {
      if (done.run(archive, key, start, bytes, originCode(origin)).changes > 0) return true;
      addGarbage.run(archive, camera, start, originCode(origin));
      return false;
    }),
    archiveSkip: ({ camera, start }) => void skip.run(camera, start),
    archiveBackfill: db.transaction(({ camera, from, before, limit }: Parameters<ArchiveCalls['archiveBackfill']>[0]) => {
      const rows = backwards.all(camera, from, before, limit) as (Start & {
        readonly origin: number;
        readonly folder: number | null;
        readonly archive: number | null;
      })[];
      let bytes = 0;
      for (const row of rows) {
        if (row.archive !== null || row.folder === null) continue;
        wait.run(camera, row.start_ms, row.bytes, row.origin);
        bytes += row.bytes;
      }
      const last = rows.length < limit ? undefined : rows.at(-1);
      return { bytes, before: last ? utcMs(last.start_ms) : null };
    }),
    archiveForgetWaiting: () => forget.run().changes,
    archiveFigures({ cameras, archive }) {
      const waiting = { segments: 0, bytes: 0 };
      for (const camera of cameras) {
        const { segments, bytes } = totalOf(0, camera);
        waiting.segments += segments;
        waiting.bytes += bytes;
      }
      const { start_ms: start } = oldest.get(archive) as { start_ms: number | null };
      return { waiting, there: totalOf(archive, 0), oldest: start === null ? null : utcMs(start) };
    },
    archiveOldest: (args) =>
      (oldestFree.all({ ...args }) as (Start & { readonly camera: number; readonly folder: number | null })[]).map((row) => ({
        camera: row.camera,
        start: utcMs(row.start_ms),
        bytes: row.bytes,
        local: row.folder !== null,
      })),
    archiveRelease: db.transaction(({ archive, camera, starts }: Parameters<ArchiveCalls['archiveRelease']>[0]) => {
      for (const start of starts) release.run(camera, start, archive);
    }),
    archiveGarbage: ({ archive, limit }) =>
      (garbage.all(archive, limit) as { camera: string; start_ms: number; origin: number }[]).map((row): ArchivedName => ({
        camera: row.camera,
        start: utcMs(row.start_ms),
        origin: originOf(row.origin),
      })),
    archiveIsGarbage: ({ archive, camera, start, origin }) => isGarbage.get(archive, camera, start, originCode(origin)) !== undefined,
    archiveDropGarbage: db.transaction(({ archive, objects }: Parameters<ArchiveCalls['archiveDropGarbage']>[0]) => {
      for (const { camera, start, origin } of objects) dropGarbage.run(archive, camera, start, originCode(origin));
    }),
    archiveCamera({ id, name, createdAt, removedAt }) {
      addCamera.run(id, name, createdAt, removedAt);
      return (cameraKey.get(id) as { key: number }).key;
    },
    archived({ camera, start }) {
      const row = archived.get(camera, start) as { archive: number; origin: number; bytes: number; hash: Uint8Array | null } | undefined;
      return row ? { ...row, origin: originOf(row.origin), hash: row.hash && new Uint8Array(row.hash) } : null;
    },
  };
}
