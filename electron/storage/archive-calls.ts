import type { UtcMs } from '../base/units.ts';
import type { CameraId, SegmentOrigin } from '../contract/model.ts';
import type { CameraKey, FolderKey } from '../segment/segment.ts';

/** Number of an archive, from 1 on: never reused. */
export type ArchiveKeyNumber = number;

/** One object of an archive, by what its name is made of. */
export interface ArchivedName {
  readonly camera: CameraId;
  readonly start: UtcMs;
  readonly origin: SegmentOrigin;
}

export interface SegmentsAndBytes {
  readonly segments: number;
  readonly bytes: number;
}

/** What the archive asks of the database. What waits, and which objects are garbage, triggers keep: migrations/004-archive.ts. */
export interface ArchiveCalls {
  /**
   * The oldest segment of these cameras that waits to be copied, subs only from before `subBefore`; of a camera in `after` those behind that time
   * only, and none whose file is in one of the folders `without`.
   */
  archiveNext(args: {
    readonly cameras: readonly CameraKey[];
    readonly subBefore: UtcMs;
    readonly after?: ReadonlyMap<CameraKey, UtcMs>;
    readonly without?: readonly FolderKey[];
  }): {
    readonly camera: CameraKey;
    readonly start: UtcMs;
  } | null;
  /**
   * Its object is complete. False when the row is gone or speaks of another file by now: then the object is garbage, and noted as such.
   */
  archiveDone(
    args: ArchivedName & {
      readonly key: CameraKey;
      readonly archive: ArchiveKeyNumber;
      readonly bytes: number;
    },
  ): boolean;
  /** It does not wait any more: its file cannot be copied. */
  archiveSkip(args: { readonly camera: CameraKey; readonly start: UtcMs }): void;
  /**
   * What has not been copied waits: of the camera's segments that begin before `before`, the newest `limit` are looked at. Returns the bytes
   * that wait now of those, and from where to go on; `before` null when that was all.
   */
  archiveBackfill(args: { readonly camera: CameraKey; readonly from: UtcMs; readonly before: UtcMs; readonly limit: number }): {
    readonly bytes: number;
    readonly before: UtcMs | null;
  };
  /** Nothing waits any more, some thousand rows at a time: returns how many went. */
  archiveForgetWaiting(args: Record<string, never>): number;
  /** What of these cameras waits, what the archive holds, and the start of its oldest segment. */
  archiveFigures(args: { readonly cameras: readonly CameraKey[]; readonly archive: ArchiveKeyNumber }): {
    readonly waiting: SegmentsAndBytes;
    readonly there: SegmentsAndBytes;
    readonly oldest: UtcMs | null;
  };
  /** Segments of the archive that begin before `before`, oldest first, but those in ranges that are protected at `now`. */
  archiveOldest(args: {
    readonly archive: ArchiveKeyNumber;
    readonly before: UtcMs;
    readonly now: UtcMs;
    readonly limit: number;
  }): readonly { readonly camera: CameraKey; readonly start: UtcMs; readonly bytes: number; readonly local: boolean }[];
  /** The archive's copies of rows that have their file still: noted as garbage. Of another archive, or without a file: passed over. */
  archiveRelease(args: { readonly archive: ArchiveKeyNumber; readonly camera: CameraKey; readonly starts: readonly UtcMs[] }): void;
  /** Objects that no row speaks of any more, at most `limit`. */
  archiveGarbage(args: { readonly archive: ArchiveKeyNumber; readonly limit: number }): readonly ArchivedName[];
  /** Whether no row speaks of this object any more. */
  archiveIsGarbage(args: ArchivedName & { readonly archive: ArchiveKeyNumber }): boolean;
  archiveDropGarbage(args: { readonly archive: ArchiveKeyNumber; readonly objects: readonly ArchivedName[] }): void;
  /** Key of this camera; one that is not known is put among the removed ones whose recordings were kept. */
  archiveCamera(args: { readonly id: CameraId; readonly name: string; readonly createdAt: UtcMs; readonly removedAt: UtcMs }): CameraKey;
  /** Where the archive's copy of a segment is, and what it must be. */
  archived(args: { readonly camera: CameraId; readonly start: UtcMs }): {
    readonly archive: ArchiveKeyNumber;
    readonly origin: SegmentOrigin;
    readonly bytes: number;
    readonly hash: Uint8Array | null;
  } | null;
}
