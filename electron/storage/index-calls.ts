import type { UtcMs } from '../base/units.ts';
import type { FolderKey, SegmentOrigin } from '../contract/model.ts';
import type { CameraKey } from '../segment/segment.ts';

/** What is compared with a file. */
export interface SegmentFileRow {
  readonly start: UtcMs;
  readonly end: UtcMs;
  readonly bytes: number;
  readonly folder: FolderKey | null;
  readonly origin: SegmentOrigin;
  readonly archived: boolean;
}

export interface Usage {
  readonly camera: CameraKey;
  /** Null: only the archive has them. */
  readonly folder: FolderKey | null;
  readonly segments: number;
  readonly bytes: number;
}

/** What the check of the index against the disk asks, and what it writes. */
export interface IndexCalls {
  /** Rows that begin in [from, to), in order, at most `limit` (default 10 000). */
  segmentFiles(args: {
    readonly camera: CameraKey;
    readonly from: UtcMs;
    readonly to: UtcMs;
    readonly limit?: number;
  }): readonly SegmentFileRow[];
  /**
   * Rows whose file is gone. One that the archive has stays and is played from there; the others go, and leave a gap that says `text`
   * unless a noted deletion says more. Only rows that still name `folder`. At most some hundreds at a time. Returns how many went.
   */
  loseSegments(args: {
    readonly camera: CameraKey;
    readonly folder: FolderKey;
    readonly starts: readonly UtcMs[];
    readonly text: string;
  }): number;
  /** Rows of cameras that are not there (any more), a thousand at a time. Returns how many went: 0 when none is left. */
  dropStrayRows(args: Record<string, never>): number;
  /** Paths below `prefix` that are noted for deletion, without the prefix; at most 100 000. */
  garbageUnder(args: { readonly folder: FolderKey; readonly prefix: string }): readonly string[];
  /** What SQLite finds wrong with its pages, or null. Takes seconds in a big database: for a connection that only reads. */
  checkPages(args: Record<string, never>): string | null;
  /** Starts at which the camera's spans are not what merging its segments gives, at most a hundred. As slow. */
  wrongSpans(args: { readonly camera: CameraKey }): readonly UtcMs[];
  /** Whether the totals are what counting gives. As slow. */
  totalsHold(args: Record<string, never>): boolean;
  /** Segments and bytes by camera and folder: kept, not counted. */
  usage(args: Record<string, never>): readonly Usage[];
}
