import type { UtcMs } from '../base/units.ts';

/** Key of a storage folder; 0 is the data folder itself. Never reused. */
export type FolderKey = number;

/** `live`: as it came. `healed`: fetched later from the camera's spool. `sub`: the small picture, in place of the main one. */
export type SegmentOrigin = 'live' | 'healed' | 'sub';

/** `events`: only around events (motion and those of other systems), with pre-roll and post-roll. */
export type RecordingMode = 'continuous' | 'events' | 'off';

/** Some hours of some days of the week, by the clock of the computer that records. */
export interface SchedulePeriod {
  /** 0 Monday … 6 Sunday; each day once. */
  readonly days: readonly number[];
  /** Minutes of the day, 0..1439. */
  readonly fromMinute: number;
  /** Exclusive, 1..1440; not after `fromMinute`: the period lasts into the next day. */
  readonly toMinute: number;
  readonly mode: RecordingMode;
}

export interface WeeklySchedule {
  /** The first period that holds a moment counts; this where none does. */
  readonly otherwise: RecordingMode;
  /** At most 50. */
  readonly periods: readonly SchedulePeriod[];
}

export interface MotionSettings {
  /** Off: only events of other systems, and "record now", are recorded around. */
  readonly detect: boolean;
  /** 1 (only large, clear motion) .. 100 (the slightest). */
  readonly sensitivity: number;
}

/** How one camera is recorded. */
export interface RecordingSettings {
  readonly schedule: WeeklySchedule;
  /** Seconds before an event, 0..30, kept in memory. */
  readonly preRollS: number;
  /** Seconds behind the last sign of an event, 1..300. */
  readonly postRollS: number;
  /** What counts as motion; looked for only while the schedule says `events`. */
  readonly motion: MotionSettings;
  /** About how long a segment is, 10..600 seconds. */
  readonly segmentS: number;
  /** Where its new segments go; another folder takes them while this one cannot. */
  readonly folder: FolderKey;
  /** Days that footage is kept, 1..36500; null: as long as there is space. */
  readonly keepDays: number | null;
  /** Bytes that its footage may take, all folders together; null: any. */
  readonly keepBytes: number | null;
  /** Days that footage of events is kept, when longer than `keepDays`; null: no longer. */
  readonly keepEventDays: number | null;
  /** Closed segments are copied to the archive, where there is one. */
  readonly archive: boolean;
  /** What an outage left out is fetched from the camera's spool, where it has one. */
  readonly heal: boolean;
}

export const DEFAULT_RECORDING: RecordingSettings = {
  schedule: { otherwise: 'continuous', periods: [] },
  preRollS: 5,
  postRollS: 15,
  motion: { detect: true, sensitivity: 50 },
  segmentS: 60,
  folder: 0,
  keepDays: null,
  keepBytes: null,
  keepEventDays: null,
  archive: true,
  heal: true,
};

/** What is not named stays as it is. */
export type RecordingChanges = { readonly [K in keyof RecordingSettings]?: RecordingSettings[K] | undefined };

/** Share of one day that is recorded, and what the rest is. Days are those of the time zone that was asked for. */
export interface DayCoverage {
  readonly from: UtcMs;
  readonly to: UtcMs;
  /** Of the day as far as it is owed: since the camera was added, not in the future. Milliseconds. */
  readonly owedMs: number;
  readonly recordedMs: number;
  /** Of `recordedMs`, what was fetched later. */
  readonly healedMs: number;
  /** Why the rest is missing, longest first; sums up to `owedMs - recordedMs`. */
  readonly missing: readonly { readonly reason: string; readonly ms: number }[];
}
