import { accessSync, constants, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { readBackup, readIrreplaceable, restore, type Irreplaceable } from './backup.ts';
import { isCorrupt } from './failure.ts';
import type { OpenReport } from './interface.ts';
import { CHECK_FILE, DATABASE_FILE, LOCK_FILE } from './layout.ts';
import { LATEST_VERSION, migrate, versionOf } from './migrations/migrate.ts';
import type { OpenSql, SqlDatabase } from './sql.ts';

/** A database up to this size is checked at every start (about 0.1 s); a bigger one only when there is a cause. */
const ALWAYS_CHECK_BYTES = 64 * 1024 * 1024;
/** How long to wait for a process that is just closing, milliseconds. */
const LOCK_WAIT_MS = 2_000;

export interface OpenDatabase {
  readonly db: SqlDatabase;
  readonly report: OpenReport;
  close(): void;
}

/** Opens the folder's database for this process alone. Errors: `data-unwritable`, `data-in-use`, `database-newer`, `disk-full`. */
export function openDatabase(open: OpenSql, dataDir: string): OpenDatabase {
  makeFolder(dataDir);
  // SQLite opens a read-only file without a word and fails at the first write: ask before.
  accessSync(dataDir, constants.W_OK | constants.X_OK);
  const lock = takeLock(open, dataDir);
  try {
    const { db, report } = openChecked(open, dataDir);
    // Rows name files that are already fsynced, and pairings must survive a power cut: a commit is on the disk when it returns.
    db.pragma('synchronous = FULL');
    return {
      db,
      report,
      close() {
        db.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** For commands that only look, also while the app runs. */
export function openReadOnly(open: OpenSql, dataDir: string): OpenDatabase {
  const path = join(dataDir, DATABASE_FILE);
  if (!existsSync(path)) throw new CodedError('not-found', `There is no Keyhole database in ${dataDir}: name the data folder of the app.`);
  const db = open(path, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS });
  const version = versionOf(db);
  if (version !== LATEST_VERSION) {
    db.close();
    const code = version > LATEST_VERSION ? 'database-newer' : 'conflict';
    throw new CodedError(
      code,
      `The database in ${dataDir} has format ${version}; this Keyhole reads format ${LATEST_VERSION}: start the app of the same version once.`,
    );
  }
  return { db, report: { setAside: null, created: false, version }, close: () => void db.close() };
}

/** A transaction that is never committed: the operating system drops its lock when the process dies, however it dies. */
function takeLock(open: OpenSql, dataDir: string): SqlDatabase {
  const lock = open(join(dataDir, LOCK_FILE), { timeout: LOCK_WAIT_MS });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function openChecked(open: OpenSql, dataDir: string): { db: SqlDatabase; report: OpenReport } {
  const path = join(dataDir, DATABASE_FILE);
  const check = join(dataDir, CHECK_FILE);
  const created = !existsSync(path);
  let db: SqlDatabase | null = null;
  try {
    db = open(path);
    db.pragma('journal_mode = WAL');
    const version = versionOf(db);
    // A newer database is not ours to judge, let alone to set aside.
    if (version <= LATEST_VERSION && (existsSync(check) || statSync(path).size <= ALWAYS_CHECK_BYTES)) quickCheck(db);
    migrate(db, dataDir);
    // Somebody took the database away: the cameras need not go with it.
    const kept = created ? readBackup(dataDir) : null;
    if (kept) restore(db, kept);
    rmSync(check, { force: true });
    return { db, report: { setAside: null, created, version: LATEST_VERSION } };
  } catch (error) {
    const kept = db && isCorrupt(error) ? readIrreplaceable(db) : null;
    db?.close();
    if (!isCorrupt(error)) throw error;
    const setAside = setBrokenAside(dataDir);
    const fresh = rebuild(open, path, dataDir, kept ?? readBackup(dataDir));
    rmSync(check, { force: true });
    return { db: fresh, report: { setAside, created: false, version: LATEST_VERSION } };
  }
}

function quickCheck(db: SqlDatabase): void {
  const result = db.pragma('quick_check(1)', { simple: true });
  if (result !== 'ok') throw Object.assign(new Error(String(result)), { code: 'SQLITE_CORRUPT' });
}

/** Renamed, never deleted: somebody may still get something out of it. */
function setBrokenAside(dataDir: string): string {
  const name = `${DATABASE_FILE}.broken-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    const from = join(dataDir, DATABASE_FILE + suffix);
    if (existsSync(from)) renameSync(from, join(dataDir, name + suffix));
  }
  return name;
}

function rebuild(open: OpenSql, path: string, dataDir: string, kept: Irreplaceable | null): SqlDatabase {
  const db = open(path);
  try {
    db.pragma('journal_mode = WAL');
    migrate(db, dataDir);
    if (kept) restore(db, kept);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
