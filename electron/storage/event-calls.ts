import type { UtcMs } from '../base/units.ts';
import type { EventId, EventKind } from '../contract/model.ts';
import type { CameraKey } from '../segment/segment.ts';

/** Something that happened before a camera. */
export interface EventRow {
  readonly key: EventId;
  readonly camera: CameraKey;
  readonly start: UtcMs;
  /** Null while it lasts. At most MAX_EVENT_MS behind `start`: that is what makes events of a range cheap to find. */
  readonly end: UtcMs | null;
  readonly kind: EventKind;
  readonly source: string;
  readonly score: number | null;
  readonly text: string;
}

export interface EventCalls {
  /** Throws `bad-request` when it ends before it starts, or is longer than MAX_EVENT_MS. */
  addEvent(args: Omit<EventRow, 'key'>): EventRow;
  /** Ends one that lasts; null when there is none. An end before its start is its start, one beyond MAX_EVENT_MS is cut. */
  endEvent(args: { readonly key: EventId; readonly end: UtcMs; readonly score?: number | null | undefined }): EventRow | null;
  /** What a killed app left open ends where the app was last known to run, or where it began. Returns how many. */
  endOpenEvents(args: Record<string, never>): number;
  /** Those that reach into [from, to), in the order of their start; at most `limit` (default 500). */
  events(args: {
    readonly camera: CameraKey;
    readonly from: UtcMs;
    readonly to: UtcMs;
    readonly kind?: EventKind | undefined;
    readonly limit?: number | undefined;
  }): readonly EventRow[];
  /** The one that began last; null when there was none. */
  lastEvent(args: { readonly camera: CameraKey }): EventRow | null;
  /** How many events reach into each of `buckets` equal slices of [from, to). */
  eventDensity(args: { readonly camera: CameraKey; readonly from: UtcMs; readonly to: UtcMs; readonly buckets: number }): readonly number[];
}
