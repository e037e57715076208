import type { UtcMs } from '../base/units.ts';
import type { Reason } from './connection.ts';

/** How what outages left out is fetched from the camera's spool. */
export interface HealingStatus {
  /** The spool, as it can be read now; null: the camera has none, or nothing may be fetched at the moment. */
  readonly spool: {
    /** Beginning of the oldest footage in it; null: it is empty. */
    readonly since: UtcMs | null;
    /** Why it takes nothing new; null: it does. */
    readonly reason: Reason | null;
  } | null;
  /** The outage that is being filled, and how much of it is here, 0..1; null: none is. */
  readonly fetching: { readonly from: UtcMs; readonly to: UtcMs; readonly share: number } | null;
  /** What went wrong the last time; the rest is fetched all the same. */
  readonly problem: Reason | null;
  /** Filled in since Keyhole was started. */
  readonly healedMs: number;
}
