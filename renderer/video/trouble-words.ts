import type { Camera, UtcMs } from '../../electron/contract/model.ts';
import { duration } from '../time/words.ts';
import { kindOf, reasonWords } from './reason-words.ts';

/** A camera that records again within this time is not worth an alarm, milliseconds. */
const ALARM_MS = 60_000;

/** How long a camera has not recorded although it should; null where all is as it should be, or it is too short to say. */
export function notRecordedFor({ recording, recordingReason }: Camera, now: UtcMs): number | null {
  if (recording || !recordingReason || kindOf(recordingReason.reason) === 'not-owed') return null;
  const ms = now - recordingReason.since;
  return ms >= ALARM_MS ? ms : null;
}

/** `3 min`: whole minutes, so that an alarm does not flicker. */
export const outage = (ms: number): string => duration(Math.floor(ms / 60_000) * 60_000);

export interface Alarm {
  /** The same as long as it is about the same outages: who has put it away need not see it again. */
  readonly key: string;
  readonly text: string;
  /** The same without how long it lasts: said aloud once, not each minute. */
  readonly spoken: string;
}

type Group = readonly { readonly camera: Camera; readonly ms: number }[];

/** Cameras that share a reason share a sentence. */
export function alarms(cameras: readonly Camera[], now: UtcMs): Alarm[] {
  const groups = new Map<string, Group>();
  for (const camera of cameras) {
    const ms = notRecordedFor(camera, now);
    const reason = camera.recordingReason?.reason;
    if (ms !== null && reason !== undefined) groups.set(reason, [...(groups.get(reason) ?? []), { camera, ms }]);
  }
  return [...groups.values()].map((group) => ({
    key: group.map(({ camera: { id, recordingReason } }) => `${id} ${recordingReason?.since} ${recordingReason?.reason}`).join(', '),
    text: group.length === 1 ? one(group, true) : many(group, true),
    spoken: group.length === 1 ? one(group, false) : many(group, false),
  }));
}

function one([first]: Group, timed: boolean): string {
  if (!first) return '';
  const { name, recordingReason } = first.camera;
  return `${name} ${timed ? `has not recorded for ${outage(first.ms)}` : 'is not recording'}: ${recordingReason?.text ?? ''}`;
}

function many(group: Group, timed: boolean): string {
  const names = group.slice(0, 3).map(({ camera, ms }) => (timed ? `${camera.name} (${outage(ms)})` : camera.name));
  const more = group.length > 3 ? ` and ${group.length - 3} more` : '';
  const reason = group[0]?.camera.recordingReason?.reason;
  return `${group.length} cameras are not recording: ${names.join(', ')}${more}. ${reason ? `${reasonWords(reason)}.` : ''}`;
}
