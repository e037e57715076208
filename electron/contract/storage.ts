import type { UtcMs } from '../base/units.ts';
import type { CameraId } from './model.ts';
import type { FolderKey } from './recording.ts';

/**
 * `ok`: takes new recordings. `missing`: not there, or another disk is. `full`: no space. `read-only`: it may not be written. `failed`: it answers
 * with errors. `slow`: it does not answer in time.
 */
export type StorageState = 'ok' | 'missing' | 'full' | 'read-only' | 'failed' | 'slow';

/** How a storage folder is just now. */
export interface StorageCondition {
  readonly key: FolderKey;
  /** Absolute. */
  readonly path: string;
  readonly state: StorageState;
  /** What is the matter, what it means, what to do; null while all is well. Also set while it is `ok` and soon will not be. */
  readonly text: string | null;
}

export interface StorageFolderInfo extends StorageCondition {
  /** Of its disk; null where it cannot be asked. */
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** What is kept free: below it the oldest footage goes. Null where the disk cannot be asked. */
  readonly floorBytes: number | null;
  /** Finished recordings of this Keyhole in it. */
  readonly recordingBytes: number;
  readonly segments: number;
  /** Begin of the oldest; null where there is none. */
  readonly oldest: UtcMs | null;
}

/** Bytes, or a share of each disk in percent (0.1..50), that retention keeps free; null: the smaller of 5 % and 10 GiB. */
export interface StorageFloor {
  readonly bytes?: number | undefined;
  readonly percent?: number | undefined;
}

/** What one camera keeps, and how far it will reach. */
export interface CameraUsage {
  readonly camera: CameraId;
  /** Local recordings. */
  readonly bytes: number;
  readonly oldest: UtcMs | null;
  /** What it writes in a day at the rate of the last days; null before it has recorded for ten minutes. */
  readonly bytesPerDay: number | null;
}

/** `bookmark`: somebody wants to keep it. `export`: it was handed out. */
export type ProtectedKind = 'bookmark' | 'export';

/** Footage that retention never deletes. */
export interface ProtectedRange {
  readonly key: number;
  readonly camera: CameraId;
  readonly from: UtcMs;
  readonly to: UtcMs;
  /** Protected up to this time; null: until somebody lets it go. */
  readonly until: UtcMs | null;
  readonly kind: ProtectedKind;
  readonly text: string;
}
