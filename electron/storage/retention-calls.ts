import type { UtcMs } from '../base/units.ts';
import type { FolderKey, ProtectedKind } from '../contract/model.ts';
import type { CameraKey } from '../segment/segment.ts';

/** A segment that may be deleted: of a storage folder, not protected, not of an event that is to be kept. */
export interface OldSegment {
  readonly camera: CameraKey;
  readonly start: UtcMs;
  readonly end: UtcMs;
  readonly bytes: number;
}

/** Footage of events of this camera that ended after `since` is kept, with what surrounds it. */
export interface EventRule {
  readonly camera: CameraKey;
  readonly since: UtcMs;
  readonly preRollMs: number;
  readonly postRollMs: number;
}

/** What must stay: protected ranges that are not over at `now`, and events by their camera's rule; cameras without a rule keep none for that. */
export interface Kept {
  readonly now: UtcMs;
  readonly events: readonly EventRule[];
}

/** Where in a folder, whose segments are in the order of their starts, one has got to. */
export interface FolderPosition {
  readonly start: UtcMs;
  readonly camera: CameraKey;
}

export interface ProtectedRow {
  readonly key: number;
  readonly camera: CameraKey;
  readonly start: UtcMs;
  readonly end: UtcMs;
  /** Null: until somebody lets it go. */
  readonly until: UtcMs | null;
  readonly kind: ProtectedKind;
  readonly text: string;
}

/** What is old, and what is kept all the same. */
export interface RetentionCalls {
  /**
   * Looks at no more than `limit` segments of the camera from `from` on that lie in storage folders and ended before `before`, oldest first.
   * `next`: where to go on; null when there are no more.
   */
  oldSegments(args: {
    readonly camera: CameraKey;
    readonly from: UtcMs;
    readonly before: UtcMs;
    readonly kept: Kept;
    readonly limit: number;
  }): { readonly rows: readonly OldSegment[]; readonly next: UtcMs | null };
  /** The same of one storage folder, over all cameras, behind `after` (null: from the oldest on). */
  oldestInFolder(args: {
    readonly folder: FolderKey;
    readonly after: FolderPosition | null;
    readonly before: UtcMs;
    readonly kept: Kept;
    readonly limit: number;
  }): { readonly rows: readonly OldSegment[]; readonly next: FolderPosition | null };
  /** Begin of the oldest segment in the folder; null where there is none. */
  folderBegin(args: { readonly folder: FolderKey }): UtcMs | null;
  /** Begin of the camera's oldest segment, wherever it is; null where there is none. */
  cameraBegin(args: { readonly camera: CameraKey }): UtcMs | null;
  /** Bytes that the camera recorded since `from`, healed ones included, and when the first of them began. */
  recordedSince(args: { readonly camera: CameraKey; readonly from: UtcMs }): { readonly bytes: number; readonly first: UtcMs | null };
  /** Starts of the segments of one folder, by camera, at most `limit` in all. */
  inFolder(args: { readonly folder: FolderKey; readonly limit: number }): readonly OldSegment[];

  /** Throws `conflict` when there are MAX_PROTECTED already. */
  addProtected(args: Omit<ProtectedRow, 'key'>): ProtectedRow;
  /** In the order of their begin; of one camera or of all, those that reach into [from, to). */
  protectedRanges(args: {
    readonly camera?: CameraKey | undefined;
    readonly from?: UtcMs | undefined;
    readonly to?: UtcMs | undefined;
  }): readonly ProtectedRow[];
  /** False when there is no such range. */
  removeProtected(args: { readonly key: number }): boolean;
  /** Ranges whose time is over. Returns how many went. */
  forgetProtected(args: { readonly now: UtcMs }): number;
  /** Events that ended before `before`, a thousand at a time. Returns how many went. */
  forgetEvents(args: { readonly camera: CameraKey; readonly before: UtcMs }): number;
  /**
   * Noted reasons that ended before `before`: those that follow each other without a hole, within a quarter of an hour, become one a reason, end to
   * end; equal ones that touch become one. How long each reason lasted in each quarter of an hour stays. At most 2,000 rows are looked at,
   * from `from` on; returns where to go on, or null.
   */
  foldGaps(args: { readonly camera: CameraKey; readonly from: UtcMs; readonly before: UtcMs }): UtcMs | null;
}

/** Ranges that are kept at a time, all cameras together. */
export const MAX_PROTECTED = 10_000;
