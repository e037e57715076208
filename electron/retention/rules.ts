import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraRow } from '../storage/interface.ts';
import type { EventRule, Kept } from '../storage/retention-calls.ts';

export const DAY_MS = 86_400_000;

/** What one camera's settings mean now. Those of a removed camera are the last it had. */
export interface CameraRule {
  readonly camera: CameraRow;
  /** Footage that ended before is too old; null: none is. */
  readonly before: UtcMs | null;
  /** What its events keep; null: nothing. */
  readonly events: EventRule | null;
}

export function ruleOf(camera: CameraRow, now: UtcMs): CameraRule {
  const { keepDays, keepEventDays, preRollS, postRollS } = camera.recording;
  const events =
    keepEventDays === null || (keepDays !== null && keepEventDays <= keepDays)
      ? null
      : { camera: camera.key, since: utcMs(now - keepEventDays * DAY_MS), preRollMs: preRollS * 1000, postRollMs: postRollS * 1000 };
  return { camera, before: keepDays === null ? null : utcMs(now - keepDays * DAY_MS), events };
}

/** Protected ranges always; events by the rules. */
export function keptBy(rules: readonly CameraRule[], now: UtcMs): Kept {
  return { now, events: rules.flatMap(({ events }) => (events ? [events] : [])) };
}
