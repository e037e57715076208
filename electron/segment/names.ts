import { join } from 'node:path';
import type { CameraId } from '../contract/model.ts';
import type { SegmentOrigin } from './segment.ts';

/** Inside each storage folder. Everything else found there is somebody else's and is left alone. */
export const RECORDINGS_DIR = 'recordings';
/** Inside the recordings folder: names the storage folder, so that an unmounted disk is not taken for lost footage. */
export const MARKER_FILE = 'keyhole-recordings.json';

/** `2026-11-23`: the folder of a segment is the UTC day of its start. */
function dayFolder(start: number): string {
  return new Date(start).toISOString().slice(0, 10);
}

export function cameraFolder(camera: CameraId): string {
  return join(RECORDINGS_DIR, camera);
}

/** Path of a segment's file relative to its storage folder: `recordings/cam-xxxxxxxx/2026-11-23/1795420800000.mp4`, `….healed.mp4`, `….sub.mp4`. */
export function segmentFile(camera: CameraId, start: number, origin: SegmentOrigin = 'live'): string {
  return `${RECORDINGS_DIR}/${camera}/${dayFolder(start)}/${start}${origin === 'live' ? '' : `.${origin}`}.mp4`;
}

/** What the name of a segment's file says, or null for a name that is not ours. */
export function readSegmentName(name: string): { readonly start: number; readonly origin: SegmentOrigin } | null {
  const match = /^(\d{1,15})(?:\.(healed|sub))?\.mp4$/.exec(name);
  return match ? { start: Number(match[1]), origin: (match[2] as SegmentOrigin | undefined) ?? 'live' } : null;
}
