import { join } from 'node:path';
import type { CameraId } from '../contract/model.ts';

/** Names inside the data folder. Everything else found there is somebody else's and is left alone. */
export const DATABASE_FILE = 'keyhole.db';
/** Held locked, never written, for as long as a process uses the folder. */
export const LOCK_FILE = 'keyhole.lock';
/** Copy of the cameras and settings (secrets sealed), for the day the database is broken. */
export const BACKUP_FILE = 'cameras-backup.json';
/** Left when a query met a broken page: makes the next start check the whole database. */
export const CHECK_FILE = 'keyhole.db.check';
export const RECORDINGS_DIR = 'recordings';
/** Inside the recordings folder: names the database that the files belong to, so that an unmounted disk is not taken for lost footage. */
export const MARKER_FILE = 'keyhole-recordings.json';

/** `2026-11-23`: the folder of a segment is the UTC day of its start. */
function dayFolder(start: number): string {
  return new Date(start).toISOString().slice(0, 10);
}

export function cameraFolder(camera: CameraId): string {
  return join(RECORDINGS_DIR, camera);
}

/** Path of a segment's file relative to the data folder: `recordings/cam-xxxxxxxx/2026-11-23/1795420800000.mp4`. */
export function segmentFile(camera: CameraId, start: number): string {
  return `${RECORDINGS_DIR}/${camera}/${dayFolder(start)}/${start}.mp4`;
}

/** Start of the segment whose file name this is, or null for a name that is not ours. */
export function startOfFile(name: string): number | null {
  const match = /^(\d{1,15})\.mp4$/.exec(name);
  return match ? Number(match[1]) : null;
}
