import { accessSync, constants, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { readBackup, readIrreplaceable, restore, type Irreplaceable } from './backup.ts';
import { quickCheck, restoreCopy } from './copy.ts';
import { isCorrupt, sqliteCode } from './failure.ts';
import type { OpenReport } from './interface.ts';
import { CHECK_FILE, DATABASE_FILE, LOCK_FILE } from './layout.ts';
import { LATEST_VERSION, migrate, versionOf } from './migrations/migrate.ts';
import { segmentQueries } from './queries/segments.ts';
import { spanQueries } from './queries/spans.ts';
import { salvage, salvageArchived } from './salvage.ts';
import type { OpenSql, SqlDatabase } from './sql.ts';

/** A database up to this size is checked at every start (about 0.1 s); a bigger one only when there is a cause. */
const ALWAYS_CHECK_BYTES = 64 * 1024 * 1024;
/** How long to wait for a process that is just closing, milliseconds. */
const LOCK_WAIT_MS = 2_000;

/** Tables that say why time is missing. */
const LEDGER: ReadonlySet<string> = new Set(['gap', 'run', 'fact']);

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
    // Totals are kept by triggers: they see a row that is replaced go, too.
    db.pragma('recursive_triggers = ON');
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
  return { db, report: report({ version, inUse: isInUse(open, dataDir) }), close: () => void db.close() };
}

/** Whether another process holds the lock; also where that cannot be found out. */
function isInUse(open: OpenSql, dataDir: string): boolean {
  const path = join(dataDir, LOCK_FILE);
  if (!existsSync(path)) return false;
  let lock: SqlDatabase | null = null;
  try {
    lock = open(path, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE; ROLLBACK');
    return false;
  } catch {
    return true;
  } finally {
    lock?.close();
  }
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
  const asked = existsSync(check);
  // Somebody took the database away: a copy or the cameras need not go with it.
  if (!existsSync(path)) {
    // A journal without its database belongs to none.
    if (existsSync(`${path}-wal`)) setBrokenAside(dataDir);
    const { db, ledgerLostFrom } = rebuild(open, dataDir, null, readBackup(dataDir));
    return { db, report: report({ created: true, ledgerLostFrom }) };
  }
  let db: SqlDatabase | null = null;
  try {
    db = open(path);
    db.pragma('journal_mode = WAL');
    const version = versionOf(db);
    // A newer database is not ours to judge, let alone to set aside.
    if (version <= LATEST_VERSION && (asked || statSync(path).size <= ALWAYS_CHECK_BYTES)) quickCheck(db);
    migrate(db, dataDir);
    rmSync(check, { force: true });
    return { db, report: report({ checked: asked }) };
  } catch (error) {
    const kept = db && isCorrupt(error) ? readIrreplaceable(db) : null;
    db?.close();
    if (!isCorrupt(error)) throw error;
    const setAside = setBrokenAside(dataDir);
    const { db: fresh, ledgerLostFrom } = rebuild(open, dataDir, setAside, kept ?? readBackup(dataDir));
    rmSync(check, { force: true });
    return { db: fresh, report: report({ setAside, ledgerLostFrom }) };
  }
}

function report(changes: Partial<OpenReport>): OpenReport {
  return { setAside: null, ledgerLostFrom: null, created: false, checked: false, inUse: false, version: LATEST_VERSION, ...changes };
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

/** From the newest copy or empty, with what the remains still give, and the newest cameras and settings. */
function rebuild(
  open: OpenSql,
  dataDir: string,
  remains: string | null,
  kept: Irreplaceable | null,
): { db: SqlDatabase; ledgerLostFrom: UtcMs | null } {
  const copiedAt = restoreCopy(open, dataDir);
  const db = open(join(dataDir, DATABASE_FILE));
  try {
    db.pragma('journal_mode = WAL');
    migrate(db, dataDir);
    if (kept) restore(db, kept);
    const whole = remains !== null && bringOver(open, join(dataDir, remains), db);
    return { db, ledgerLostFrom: whole ? null : utcMs(copiedAt?.getTime() ?? 0) };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Whatever the remains do not give is left out: the cameras must be able to record. True when they gave every reason of a gap. */
function bringOver(open: OpenSql, remains: string, into: SqlDatabase): boolean {
  let broken: SqlDatabase | null = null;
  try {
    broken = open(remains, { fileMustExist: true });
    const { damaged } = salvage(broken, into);
    const there = into.prepare('SELECT 1 FROM camera WHERE key = ?');
    const known = into.prepare('SELECT 1 FROM segment WHERE camera = ? AND start_ms = ? AND archive IS NOT NULL');
    const { insertSegment } = segmentQueries(into, spanQueries(into));
    const passOver = (camera: number, start: number) => there.get(camera) === undefined || known.get(camera, start) !== undefined;
    const from = broken;
    into.transaction(() => salvageArchived(from, { insert: insertSegment, passOver }))();
    return !damaged.some((table) => LEDGER.has(table));
  } catch (error) {
    // Not a database any more.
    if (!isCorrupt(error) && sqliteCode(error) === undefined) throw error;
    return false;
  } finally {
    broken?.close();
  }
}
