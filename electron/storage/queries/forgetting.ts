import { CodedError } from '../../base/errors.ts';
import { cameraFolder } from '../../segment/names.ts';
import type { StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

/** A setting for each camera whose recordings went with it and whose rows are still going: the backup holds it beside the camera. */
const MARK = 'camera.forgetting.';
const GOING = `EXISTS (SELECT 1 FROM setting WHERE setting.key = '${MARK}' || camera.id)`;

/** Condition on the table `camera`: not one that is being forgotten. */
export const NOT_GOING = `NOT ${GOING}`;
/** Keys of the cameras that are being forgotten: their segments are nobody's to delete but `forgetRemoved`'s. */
export const GOING_KEYS = `SELECT key FROM camera WHERE ${GOING}`;

/**
 * A camera that goes with its recordings is gone for everybody in one small transaction, in which its folders become garbage; its rows
 * follow some hundreds at a time. Its own row stays to the last: whatever speaks of it by its key finds it, and the archive's objects get its name.
 */
export function forgettingQueries(db: SqlDatabase): Pick<StorageCalls, 'forgetRemoved'> & { readonly begin: (camera: Going) => void } {
  const mark = db.prepare(`INSERT OR REPLACE INTO setting (key, value) VALUES ('${MARK}' || ?, '')`);
  const unmark = db.prepare(`DELETE FROM setting WHERE key = '${MARK}' || ?`);
  const foldersOf = db.prepare('SELECT folder FROM segment_total WHERE camera = ? AND folder >= 0 UNION SELECT 0');
  const addGarbage = db.prepare('INSERT OR IGNORE INTO garbage_file (folder, path) VALUES (?, ?)');
  const unprotect = db.prepare('DELETE FROM protected WHERE camera = ?');

  const next = db.prepare(`SELECT key, id FROM camera WHERE ${GOING} ORDER BY key LIMIT 1`);
  const starts = db.prepare('SELECT start_ms FROM segment WHERE camera = ? LIMIT ?');
  const segment = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms = ?');
  const list = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms = ?');
  const byStart = ['keyframes', 'span'].map((table) =>
    db.prepare(
      `DELETE FROM ${table} WHERE camera = @camera AND start_ms IN (SELECT start_ms FROM ${table} WHERE camera = @camera LIMIT @limit)`,
    ),
  );
  const byKey = ['gap', 'event', 'protected'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE camera = @camera LIMIT @limit)`),
  );
  const head = db.prepare('DELETE FROM proof_head WHERE camera = ?');
  const erase = db.prepare('DELETE FROM camera WHERE key = ?');

  const discard = ({ key, id }: Going): void => {
    for (const { folder } of foldersOf.all(key) as { folder: number }[]) addGarbage.run(folder, cameraFolder(id));
  };

  return {
    begin(camera) {
      mark.run(camera.id);
      discard(camera);
      unprotect.run(camera.key);
    },
    forgetRemoved: db.transaction(({ limit }: Parameters<StorageCalls['forgetRemoved']>[0]) => {
      if (!Number.isInteger(limit) || limit < 1) throw new CodedError('bad-request', 'At least one row goes at a time.');
      const camera = next.get() as Going | undefined;
      if (!camera) return null;
      const { key, id } = camera;
      const going = starts.all(key, limit) as { start_ms: number }[];
      for (const { start_ms: start } of going) {
        list.run(key, start);
        segment.run(key, start);
      }
      let left = limit - going.length;
      for (const statement of [...byStart, ...byKey]) if (left > 0) left -= statement.run({ camera: key, limit: left }).changes;
      if (left > 0) {
        // Again: something may have been on its way to the disk when it was removed.
        discard(camera);
        head.run(key);
        erase.run(key);
        unmark.run(id);
      }
      return { camera: id, segments: going.length, done: left > 0 };
    }),
  };
}

interface Going {
  readonly key: number;
  readonly id: string;
}
