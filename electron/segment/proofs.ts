import type { UtcMs } from '../base/units.ts';
import type { CameraKey, NewSegment } from './segment.ts';

/** Why footage went: its age or the space it took; a person; a better copy of the same time; nobody knows, its file is gone or unreadable. */
export type RemovalCause = 'retention' | 'person' | 'replaced' | 'lost';

/** Starts of segments [first, last], both included; all that begin in between went with them. */
export interface RemovedRange {
  readonly first: UtcMs;
  readonly last: UtcMs;
  /** How many segments of the index went. */
  readonly count: number;
}

/** What the chain of proofs (electron/proof) does for those who make and delete segments. */
export interface SegmentProofs {
  /**
   * The segment's link is on the disk when this resolves; the row may follow. Returns the file's SHA-256, which is read from the file where the
   * segment does not say it; null for a file from before the chain began.
   */
  sealed(segment: NewSegment): Promise<Uint8Array | null>;
  /** Said before the rows go, so that no file is ever gone without a word. */
  removed(args: { readonly camera: CameraKey; readonly ranges: readonly RemovedRange[]; readonly why: RemovalCause }): Promise<void>;
}
