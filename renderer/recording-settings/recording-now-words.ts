import type { Camera, RecordingMode, UtcMs } from '../../electron/contract/model.ts';
import { calendarDay, clockMinutes, clockTime, duration } from '../time/words.ts';
import { clocksChange } from '../time/zone.ts';

export const MODE_WORDS: Readonly<Record<RecordingMode, string>> = {
  continuous: 'All the time',
  events: 'Around events',
  off: 'Not at all',
};

/** How the camera is recorded at this moment, in one sentence. */
export function nowSentence(camera: Pick<Camera, 'recordingNow'>, now: UtcMs, zone: string): string {
  const { mode, manual, detector } = camera.recordingNow;
  if (manual)
    return manual.until === null ? 'Records until you cancel it.' : `Records until ${moment(manual.until, now, zone)}, as you asked.`;
  if (mode === 'continuous') return 'Records all the time.';
  if (mode === 'off') return 'Not recorded at this time.';
  if (detector?.state === 'unhealthy') return detector.text;
  return `Records around events${eventWords(camera, now)}.`;
}

/** What the schedule does next; null when it never changes. */
export function nextSentence({ recordingNow: { next } }: Pick<Camera, 'recordingNow'>, now: UtcMs, zone: string): string | null {
  return next && `${MODE_WORDS[next.mode]} from ${moment(next.at, now, zone)}.`;
}

/** `10:42`, or `Tue, 24 Nov, 10:42` when it is not today. */
export function moment(at: UtcMs, now: UtcMs, zone: string): string {
  const day = calendarDay(at, zone);
  // With seconds and the zone's name only where minutes could mean two moments.
  const time = clocksChange(at, zone) ? clockTime(at, zone) : clockMinutes(at, zone);
  return day === calendarDay(now, zone) ? time : `${day}, ${time}`;
}

function eventWords({ recordingNow: { lastEvent, detector } }: Pick<Camera, 'recordingNow'>, now: UtcMs): string {
  if (!lastEvent) return detector ? ': nothing has moved yet' : '';
  const what = lastEvent.kind === 'motion' ? 'motion' : lastEvent.kind.replaceAll('-', ' ');
  if (lastEvent.to === null) return `: ${what} now`;
  const ago = now - lastEvent.to;
  return ago < 60_000 ? `: last ${what} just now` : `: last ${what} ${duration(Math.floor(ago / 60_000) * 60_000)} ago`;
}
