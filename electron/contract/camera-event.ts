import type { UtcMs } from '../base/units.ts';
import type { RecordingMode } from './recording.ts';

/** Key of an event in the index; never reused. */
export type EventId = number;

/** `motion`: seen by Keyhole's own detector. `manual`: a person pressed "record now". Others come from outside: 1..32 of a-z, 0-9, -. */
export type EventKind = string;

/** Something that happened before a camera, or that somebody said did. */
export interface CameraEvent {
  readonly id: EventId;
  readonly camera: string;
  readonly kind: EventKind;
  readonly from: UtcMs;
  /** Null while it lasts. */
  readonly to: UtcMs | null;
  /** Who says so: `keyhole`, `person`, or `outside`. */
  readonly source: string;
  /** 0..1, as its source rates it; of motion: the largest share of the picture that moved. Null: it does not. */
  readonly score: number | null;
  /** At most 500 characters. */
  readonly text: string;
}

/** No event is longer, milliseconds: what lasts longer goes on as another one. */
export const MAX_EVENT_MS = 3_600_000;

/** How a camera is recorded at this moment, and why. */
export interface RecordingNow {
  /** What the schedule says. */
  readonly mode: RecordingMode;
  /** When the schedule says something else next; null: never. */
  readonly next: { readonly at: UtcMs; readonly mode: RecordingMode } | null;
  /** A person pressed "record now": until when, null until it is cancelled. */
  readonly manual: { readonly until: UtcMs | null } | null;
  /** The event that is being recorded, or the last one; its `to` is null while it lasts. Null: none in this camera's life. */
  readonly lastEvent: Pick<CameraEvent, 'kind' | 'from' | 'to'> | null;
  /** The motion detector; null while it is not needed. Unhealthy: everything is recorded. */
  readonly detector: { readonly state: 'starting' | 'watching' | 'unhealthy'; readonly text: string } | null;
}

/** Of a camera that is recorded all the time, before which nothing ever happened. */
export const ALWAYS_RECORDED: RecordingNow = { mode: 'continuous', next: null, manual: null, lastEvent: null, detector: null };
