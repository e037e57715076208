import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { DATABASE_COPIES, DATABASE_FILE } from './layout.ts';
import { LATEST_VERSION, versionOf } from './migrations/migrate.ts';
import type { OpenSql } from './sql.ts';

/*
 * A whole copy of the database each day, for the day it is damaged: footage can be listed anew from its files, but the reasons of gaps,
 * events and what is protected are nowhere else, and reading the headers of millions of files takes hours.
 */

export interface CopyReport {
  readonly bytes: number;
  /** Milliseconds that the check took, and the writing of the copy. */
  readonly checkMs: number;
  readonly copyMs: number;
}

/** Left free beside the copy. */
const HEADROOM_BYTES = 256 * 1024 * 1024;

/**
 * Checks the database and writes the newest copy, on a connection of its own: readers and the writer go on meanwhile. The copy is written
 * row by row (`VACUUM INTO`), so it is well-formed whatever the pages of the original are. To be run in a thread of its own.
 * @throws an error of SQLite (SQLITE_CORRUPT) when the database is damaged; CodedError `disk-full`
 */
export function copyDatabase(open: OpenSql, dataDir: string): CopyReport {
  const path = join(dataDir, DATABASE_FILE);
  const { bavail, bsize } = statfsSync(dataDir);
  const needed = statSync(path).size + HEADROOM_BYTES;
  if (bavail * bsize < needed)
    throw new CodedError('disk-full', `There is no space in ${dataDir} for a copy of the index (${Math.ceil(needed / 1e6)} MB).`);
  const db = open(path, { readonly: true, fileMustExist: true });
  const [newest, ...older] = DATABASE_COPIES.map((name) => join(dataDir, name));
  if (!newest) throw new Error('no name for a copy');
  const fresh = `${newest}.new`;
  try {
    const began = performance.now();
    quickCheck(db);
    const checked = performance.now();
    rmSync(fresh, { force: true });
    db.exec(`VACUUM INTO '${fresh.replaceAll("'", "''")}'`);
    syncFile(fresh);
    if (existsSync(newest) && older[0]) renameSync(newest, older[0]);
    renameSync(fresh, newest);
    return { bytes: statSync(newest).size, checkMs: checked - began, copyMs: performance.now() - checked };
  } finally {
    db.close();
    rmSync(fresh, { force: true });
  }
}

/** Puts the newest copy that is whole in the place of the database, which is gone or was set aside. The time of the copy; null when there is none. */
export function restoreCopy(open: OpenSql, dataDir: string): Date | null {
  const path = join(dataDir, DATABASE_FILE);
  for (const name of DATABASE_COPIES) {
    const copy = join(dataDir, name);
    if (!existsSync(copy) || !isWhole(open, copy)) continue;
    copyFileSync(copy, `${path}.new`);
    syncFile(`${path}.new`);
    renameSync(`${path}.new`, path);
    return statSync(copy).mtime;
  }
  return null;
}

/** @throws an error with the code SQLITE_CORRUPT */
export function quickCheck(db: ReturnType<OpenSql>): void {
  const result = db.pragma('quick_check(1)', { simple: true });
  if (result !== 'ok') throw Object.assign(new Error(String(result)), { code: 'SQLITE_CORRUPT' });
}

function isWhole(open: OpenSql, path: string): boolean {
  let db: ReturnType<OpenSql> | null = null;
  try {
    db = open(path, { readonly: true, fileMustExist: true });
    quickCheck(db);
    return versionOf(db) <= LATEST_VERSION;
  } catch {
    return false;
  } finally {
    db?.close();
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
