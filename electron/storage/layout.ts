/** Names inside the data folder. Everything else found there is somebody else's and is left alone. */
export const DATABASE_FILE = 'keyhole.db';
/** Held locked, never written, for as long as a process uses the folder. */
export const LOCK_FILE = 'keyhole.lock';
/** Copy of the cameras and settings (secrets sealed), for the day the database is broken. */
export const BACKUP_FILE = 'cameras-backup.json';
/** Left when a query met a broken page: makes the next start check the whole database. */
export const CHECK_FILE = 'keyhole.db.check';
/** Whole copies, newest first: one a day. */
export const DATABASE_COPIES: readonly string[] = ['keyhole.db.copy', 'keyhole.db.copy-before'];
