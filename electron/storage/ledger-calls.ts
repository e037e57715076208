import type { UtcMs } from '../base/units.ts';
import type { GapReason, Span } from '../contract/model.ts';
import type { CameraKey } from '../segment/segment.ts';

export interface GapRow {
  readonly camera: CameraKey;
  readonly start: UtcMs;
  /** Null while it lasts. */
  readonly end: UtcMs | null;
  readonly reason: GapReason;
  readonly text: string;
}

/** Why nothing was recorded of any camera for a while: the computer slept, its clock was set, the index was lost. */
export interface FactRow {
  readonly start: UtcMs;
  readonly end: UtcMs;
  readonly reason: GapReason;
  readonly text: string;
  /** It explains only what nothing else does: time that came twice, since the clock was set back. */
  readonly weak: boolean;
}

/** Where a page of gaps ended. */
export interface GapCursor {
  readonly start: UtcMs;
  readonly key: number;
}

/** Why time is missing, and when the app ran. */
export interface LedgerCalls {
  /** Begins a gap; the returned number closes it. */
  openGap(args: Omit<GapRow, 'end'>): number;
  /**
   * Ends a gap; one of no length is dropped. One that follows another of the same words within MERGE_GAPS_MS becomes one with it: the footage
   * between them needs no reason, and a camera that flaps all day needs no thousands of rows.
   */
  closeGap(args: { readonly gap: number; readonly end: UtcMs }): void;
  /** A gap known from start to end; merged as `closeGap` does. */
  addGap(args: GapRow & { readonly end: UtcMs }): void;
  /** Those that overlap [from, to), in order of their start; at most GAP_PAGE at a time, the next ones are those behind `after`. */
  gaps(args: {
    readonly camera: CameraKey;
    readonly from: UtcMs;
    readonly to: UtcMs;
    readonly after?: GapCursor | null;
  }): readonly (GapRow & { readonly key: number })[];

  /**
   * A new period in which the app runs. Gaps left open by the last one end where it was last seen alive. `lostFrom`: the
   * database had to be made anew, and with it went the reasons of everything since then.
   */
  beginRun(args: { readonly at: UtcMs; readonly lostFrom?: UtcMs | null }): number;
  /**
   * The same process was away (the machine slept, the clock was set): it ran until `until`, and runs again from `at` on, in a new period. Gaps
   * stay open; where the clock was set back they are cut in two, one in the time that was and one in the time that comes again.
   */
  continueRun(args: { readonly run: number; readonly until: UtcMs; readonly at: UtcMs; readonly facts: readonly FactRow[] }): number;
  /** The app is alive at `at`. */
  touchRun(args: { readonly run: number; readonly at: UtcMs }): void;
  /** Periods in which the app ran, cut to [from, to), merged. */
  runs(args: { readonly from: UtcMs; readonly to: UtcMs }): readonly Span[];
  /** Ranges that overlap [from, to) and must not be deleted at `at`, in order. */
  protectedIn(args: {
    readonly camera: CameraKey;
    readonly from: UtcMs;
    readonly to: UtcMs;
    readonly at: UtcMs;
  }): readonly (Span & { readonly kind: string; readonly text: string })[];
  /** Those that overlap [from, to), whole. */
  facts(args: { readonly from: UtcMs; readonly to: UtcMs }): readonly FactRow[];
}

/** Rows of one page of gaps: about 10 ms. */
export const GAP_PAGE = 5_000;
/** Gaps of the same words nearer than this are one, milliseconds. */
export const MERGE_GAPS_MS = 60_000;

/** Seen to happen, whether the app ran all the time or not: they count more than any cause that was noted while it lasted. */
export const CAMERA_FACTS: ReadonlySet<GapReason> = new Set<GapReason>([
  // As a lost file was noted in the first format.
  'unknown',
  'clock-set',
  'format-changed',
  'file-lost',
  'deleted-by-retention',
  'deleted-by-person',
]);
