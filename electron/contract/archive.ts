import type { UtcMs } from '../base/units.ts';
import type { ErrorCode } from '../base/errors.ts';

/** Where the archive is: a second place that closed segments are copied to, encrypted. */
export type ArchiveTarget =
  /** Absolute: on another disk, or mounted from another computer. */
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 's3';
      /** `https://…`; null: AWS. */
      readonly endpoint: string | null;
      readonly region: string;
      readonly bucket: string;
      /** Before every key; empty, or ends with a slash. */
      readonly prefix: string;
      readonly accessKeyId: string;
      /** The bucket in the path, as most servers beside AWS want it. */
      readonly pathStyle: boolean;
    };

/** As it is chosen. A secret that is left out is the one that is stored: it is never shown. */
export type NewArchiveTarget =
  Extract<ArchiveTarget, { kind: 'folder' }> | (Extract<ArchiveTarget, { kind: 's3' }> & { readonly secretAccessKey?: string | undefined });

export interface ArchiveSettings {
  /** Null: there is none, and nothing is copied. */
  readonly target: ArchiveTarget | null;
  /** Copying takes no more of the line than this, kilobits a second; null: what it gets. */
  readonly rateKbps: number | null;
  /** Days that footage stays in the archive; null: for ever. */
  readonly keepDays: number | null;
  /** Bytes that it may take there; the oldest goes first. Null: any. */
  readonly keepBytes: number | null;
}

/** What is not named stays as it is. */
export interface ArchiveChanges {
  readonly target?: NewArchiveTarget | null | undefined;
  readonly rateKbps?: number | null | undefined;
  readonly keepDays?: number | null | undefined;
  readonly keepBytes?: number | null | undefined;
  /** Of the archive that is at the target already, when another installation, or this one before it was lost, made it. */
  readonly recovery?: string | undefined;
}

export interface ArchiveStatus {
  /** `off`: there is none. `failed`: `error` says why; it is tried again. */
  readonly state: 'off' | 'idle' | 'copying' | 'failed';
  readonly error: { readonly code: ErrorCode; readonly text: string } | null;
  readonly waitingSegments: number;
  readonly waitingBytes: number;
  /** Bytes a second that were copied over the last minute. */
  readonly rate: number;
  /** What the archive holds of this installation. */
  readonly segments: number;
  readonly bytes: number;
  /** Start of the oldest footage there. */
  readonly oldest: UtcMs | null;
  /** When a segment was last copied, since the start. */
  readonly lastCopiedAt: UtcMs | null;
  /** Footage that the archive has and the index did not know is being put back, or was. */
  readonly restore: { readonly running: boolean; readonly seen: number; readonly restored: number; readonly unreadable: number } | null;
}

/** How long the steps of a test took, milliseconds. */
export interface ArchiveTest {
  readonly writeMs: number;
  readonly readMs: number;
  readonly deleteMs: number;
}

/** What opens the archive without this installation: whoever has it, and the place, can see the footage. */
export interface ArchiveRecovery {
  /** `KHA1-…` */
  readonly text: string;
  /** The folder of this key's objects: `keyhole-…`. */
  readonly folder: string;
}
