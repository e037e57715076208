import type { UtcMs } from '../base/units.ts';
import type { CameraId, FolderKey, GapReason, PathSpan, RecordingSettings, Span } from '../contract/model.ts';
import type { CameraKey, NewSegment, SegmentRow } from '../segment/segment.ts';
import type { ArchiveCalls } from './archive-calls.ts';
import type { EventCalls } from './event-calls.ts';
import type { IndexCalls } from './index-calls.ts';
import type { LedgerCalls } from './ledger-calls.ts';
import type { ProofCalls } from './proof-calls.ts';
import type { RetentionCalls } from './retention-calls.ts';

export type { SegmentFileRow, Usage } from './index-calls.ts';
export type { FactRow, GapRow } from './ledger-calls.ts';
export { MAX_SEGMENT_MS, type CameraKey, type NewSegment, type SegmentRow } from '../segment/segment.ts';

export interface CameraRow {
  readonly key: CameraKey;
  readonly id: CameraId;
  readonly name: string;
  readonly createdAt: UtcMs;
  /** Set when the camera was removed and its recordings kept. */
  readonly removedAt: UtcMs | null;
  readonly sourceKind: 'p2p' | 'rtsp';
  /** Sealed by seal.ts under the host's data key. */
  readonly source: Uint8Array;
  /** Bytes that may go through a relay in a month; 0: none; null: as many as come. */
  readonly relayBudget: number | null;
  readonly recording: RecordingSettings;
}

/** Something on a disk that nothing speaks of any more. */
export interface Garbage {
  readonly folder: FolderKey;
  readonly path: string;
}

/** The way a camera was reached for a while. */
export interface PathRow extends PathSpan {
  readonly camera: CameraKey;
}

/** Bytes through a relay, to be added to a month's. */
export interface RelayUse {
  readonly camera: CameraKey;
  /** UTC: year * 12 + month, January being 0. */
  readonly month: number;
  readonly bytes: number;
}

interface CameraRange {
  readonly camera: CameraKey;
  readonly from: UtcMs;
  readonly to: UtcMs;
}

/** Everything the database can be asked: one entry per query; the client and the worker are both typed by these keys. */
export interface StorageCalls extends EventCalls, IndexCalls, LedgerCalls, ProofCalls, ArchiveCalls, RetentionCalls {
  /** Throws `conflict` when the id is there already. */
  addCamera(args: Omit<CameraRow, 'key' | 'removedAt' | 'relayBudget' | 'recording'>): CameraRow;
  /** In the order they were added; removed ones only when asked for. */
  cameras(args: { readonly removed?: boolean }): readonly CameraRow[];
  /** Also a removed one. */
  camera(args: { readonly id: CameraId }): CameraRow | null;
  /** False when there is no such camera. */
  updateCamera(args: {
    readonly id: CameraId;
    readonly name?: string | undefined;
    readonly source?: Uint8Array | undefined;
    readonly relayBudget?: number | null | undefined;
    readonly recording?: RecordingSettings | undefined;
  }): boolean;
  /**
   * Marks it removed; its secrets are wiped. With `forgetRecordings` no other call knows it from here on, its folders are noted as garbage to be
   * deleted, and its rows go by `forgetRemoved`.
   */
  removeCamera(args: { readonly id: CameraId; readonly at: UtcMs; readonly forgetRecordings: boolean }): boolean;
  /**
   * One step of what `removeCamera` began: at most `limit` rows of a camera (a segment and its keyframes count as one). `done`: that was the last
   * of this camera. Null: no camera is being forgotten.
   */
  forgetRemoved(args: { readonly limit: number }): { readonly camera: CameraId; readonly segments: number; readonly done: boolean } | null;

  setting(args: { readonly key: string }): string | null;
  setSetting(args: { readonly key: string; readonly value: string | null }): void;

  /** Files, and folders of removed cameras (paths relative to the storage folder), whose rows are gone and which must follow; at most `limit` (default 1 000), of one folder (those behind the path `after`) or of all. */
  garbage(args: { readonly limit?: number; readonly folder?: FolderKey; readonly after?: string }): readonly Garbage[];
  addGarbage(args: Garbage): void;
  dropGarbage(args: { readonly files: readonly Garbage[] }): void;
  /**
   * Rows, their spans, a note of their files as garbage, and (with `because`) why the time is missing now, in one transaction. Starts that
   * are not there are passed over. With `keepArchived` a segment that the archive has keeps its row, and is played from there. Returns the
   * bytes of the files that go; with `keepFiles` none is noted as garbage. At most some hundreds at a time: other queries wait meanwhile.
   */
  deleteSegments(args: {
    readonly camera: CameraKey;
    readonly starts: readonly UtcMs[];
    readonly because: { readonly reason: GapReason; readonly text: string } | null;
    readonly keepArchived?: boolean;
    readonly keepFiles?: boolean;
  }): number;

  /** The row of a file that is already safe on disk. An existing row of the same start is replaced; if it spoke of another file, that is garbage now. */
  insertSegment(args: NewSegment): void;
  /** Rows that begin in [from, to), and the spans made of them. Returns how many. */
  removeSegments(args: CameraRange): number;
  /** What of [from, to) was fetched later: merged, cut to the range. */
  healed(args: CameraRange): readonly Span[];
  /** Segments that overlap [from, to), in order, at most `limit` (default 10 000). */
  segmentsInRange(args: CameraRange & { readonly limit?: number }): readonly SegmentRow[];
  /** The same with their keyframes. */
  segmentsWithKeyframes(args: CameraRange & { readonly limit?: number }): readonly NewSegment[];
  /** The segment that holds `at`; of overlapping ones (the clock was set back) the one that began last. */
  locate(args: { readonly camera: CameraKey; readonly at: UtcMs }): NewSegment | null;
  /** Recorded time cut to [from, to): segments less than SPAN_TOLERANCE_MS apart are one span. */
  spans(args: CameraRange): readonly Span[];
  /** Last recorded millisecond before `at` and first one after it, `at` itself not counted. */
  around(args: { readonly camera: CameraKey; readonly at: UtcMs }): { readonly previous: UtcMs | null; readonly next: UtcMs | null };
  /** Sum over all cameras, for metrics. */
  totals(args: Record<string, never>): { readonly segments: number; readonly bytes: number };

  /**
   * Spans that began, or that are longer now (one of the same start is replaced), and bytes that went through relays, in one transaction.
   * Spans that ended before `forgetBefore` go, and all but the newest MAX_PATH_SPANS of each camera named.
   */
  notePaths(args: { readonly spans: readonly PathRow[]; readonly relayed: readonly RelayUse[]; readonly forgetBefore: UtcMs }): void;
  /** Those that overlap [from, to), in order, whole. */
  pathSpans(args: CameraRange): readonly PathSpan[];
  /** Bytes through a relay in that month. */
  relayUse(args: Omit<RelayUse, 'bytes'>): number;
}

export type StorageCall = keyof StorageCalls;
export type StorageArgs<N extends StorageCall> = Parameters<StorageCalls[N]>[0];
export type StorageReply<N extends StorageCall> = ReturnType<StorageCalls[N]>;

/** How the database was found. */
export interface OpenReport {
  /** The old database was broken and set aside under this name; cameras came from its remains or from the backup. */
  readonly setAside: string | null;
  /** Reasons of gaps from here on are lost with the old database; 0: all of them; null: none. */
  readonly ledgerLostFrom: UtcMs | null;
  /** There was no database. */
  readonly created: boolean;
  /** The whole of it was checked, since a query had met damage or somebody asked for it. */
  readonly checked: boolean;
  /** Another process writes. */
  readonly inUse: boolean;
  readonly version: number;
}

/** `own`: the one that writes. `read`: beside it. `copy`: checks the database, writes a copy, ends. */
export type WorkerMode = 'own' | 'read' | 'copy';

export interface WorkerSetup {
  readonly dataDir: string;
  readonly mode: WorkerMode;
}

export type WorkerRequest =
  { readonly id: number; readonly name: StorageCall; readonly args: unknown } | { readonly id: number; readonly name: 'close' };

/** Spans of ways that are kept of one camera: in a day of flapping the oldest go. */
export const MAX_PATH_SPANS = 1_000;
/** Segments nearer than this are shown as one span, milliseconds. A restarted session that misses less is not worth a line. */
export const SPAN_TOLERANCE_MS = 500;
