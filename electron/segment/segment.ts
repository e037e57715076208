import type { UtcMs } from '../base/units.ts';
import type { CameraId, FolderKey, Keyframe, Segment, SegmentOrigin } from '../contract/model.ts';
import { segmentFile } from './names.ts';

export type { FolderKey, SegmentOrigin } from '../contract/model.ts';

/** Integer key of a camera inside the database: never reused. */
export type CameraKey = number;

/** No segment is longer, milliseconds: bounds how far back a query must look for one that reaches into its range. */
export const MAX_SEGMENT_MS = 3_600_000;

export interface SegmentRow {
  readonly camera: CameraKey;
  readonly start: UtcMs;
  readonly end: UtcMs;
  readonly bytes: number;
  /** RFC 6381 names of the tracks, joined by a comma. */
  readonly codec: string;
  /** The storage folder that holds its file; null: only the archive has it. */
  readonly folder: FolderKey | null;
  readonly origin: SegmentOrigin;
  /** The archive that holds a copy; null: none does. */
  readonly archive: number | null;
  /** SHA-256 of the file; null where nobody has computed it yet. */
  readonly hash: Uint8Array | null;
}

export interface NewSegment extends SegmentRow {
  /** At least one; the first is at `start`; in order, groups one behind the other. */
  readonly keyframes: readonly Keyframe[];
  /** Hash of what it shows (content-hash.ts), from who wrote it; goes into its proof, not into its row. */
  readonly content?: Uint8Array | null;
}

/** Where storage folders are. */
export interface FolderRoots {
  /** Absolute path of what holds `recordings/`; null for a folder that is not known (any more). */
  root(folder: FolderKey): string | null;
  /** An operation on this folder's files, refused while its disk does not answer. Absent: nobody watches the disk. */
  run?<T>(folder: FolderKey, operation: () => Promise<T>): Promise<T>;
}

/** Where a finished file is made known: its proof first, its row last. */
export interface SegmentRegister {
  list(segment: NewSegment): Promise<void>;
  /** Before the rows of files that are gone go: those that the archive has stay. Absent: no chain is kept. */
  lost?(camera: CameraKey, starts: readonly UtcMs[]): Promise<void>;
}

/** A row as the rest of the program and the page see it. */
export function toSegment(camera: CameraId, row: NewSegment, open = false): Segment {
  const { start, end, bytes, codec, keyframes, folder, origin, archive } = row;
  const file = segmentFile(camera, start, origin);
  return { id: `${camera}/${start}`, camera, start, end, bytes, file, folder, origin, archived: archive !== null, codec, open, keyframes };
}
