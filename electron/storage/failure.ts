import { CodedError, errnoOf } from '../base/errors.ts';

/** SQLite's result code name, `SQLITE_BUSY`, when `error` is one of its. */
export function sqliteCode(error: unknown): string | undefined {
  const code = errnoOf(error);
  return code?.startsWith('SQLITE_') ? code : undefined;
}

export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** What a person is told when the data folder or the database in it cannot be used. */
export function storageFailure(error: unknown, dataDir: string): CodedError {
  if (error instanceof CodedError) return error;
  const code = sqliteCode(error) ?? errnoOf(error) ?? '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL')
    return new CodedError('disk-full', `The disk that holds ${dataDir} is full: free some space.`, { cause: error });
  if (/^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST|ENOENT|EISDIR|SQLITE_CANTOPEN.*|SQLITE_READONLY.*|SQLITE_PERM)$/.test(code))
    return new CodedError(
      'data-unwritable',
      `The data folder ${dataDir} cannot be written (${code}): change its permissions or choose another one.`,
      { cause: error },
    );
  if (code.startsWith('SQLITE_BUSY'))
    return new CodedError('data-in-use', `Another Keyhole is using the data folder ${dataDir}: close it, or choose another folder.`, {
      cause: error,
    });
  if (isCorrupt(error))
    return new CodedError(
      'database-corrupt',
      `The database in ${dataDir} is damaged (${message}): restart Keyhole, it is rebuilt from the recordings.`,
      { cause: error },
    );
  return new CodedError('internal', `The database in ${dataDir} failed: ${message}`, { cause: error });
}
