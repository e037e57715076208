import { CodedError } from '../../base/errors.ts';
import type { SqlDatabase } from '../sql.ts';
import { first } from './001-first.ts';
import { paths } from './002-paths.ts';
import { recording } from './003-recording.ts';
import { archive } from './004-archive.ts';

/** Entry n brings a database from version n to n + 1. Never change one that was released; add another. */
export const MIGRATIONS: readonly string[] = [first, paths, recording, archive];

export const LATEST_VERSION = MIGRATIONS.length;

/** Brings the database to the latest version, each step in a transaction of its own. Throws `database-newer`. */
export function migrate(db: SqlDatabase, dataDir: string): void {
  let version = versionOf(db);
  if (version > LATEST_VERSION) {
    throw new CodedError(
      'database-newer',
      `The database in ${dataDir} has format ${version}, written by a newer Keyhole; this one knows formats up to ${LATEST_VERSION}. Start the newer Keyhole, or choose another data folder.`,
    );
  }
  while (version < LATEST_VERSION) {
    const step = MIGRATIONS[version] ?? '';
    const next = version + 1;
    db.transaction(() => {
      db.exec(step);
      db.pragma(`user_version = ${next}`);
    })();
    version = next;
  }
}

export function versionOf(db: SqlDatabase): number {
  return Number(db.pragma('user_version', { simple: true }));
}
