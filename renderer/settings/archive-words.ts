import type { ArchiveStatus } from '../../electron/contract/archive.ts';
import { byteSize, duration } from '../time/words.ts';

const count = (number: number, one: string): string => `${number.toLocaleString()} ${one}${number === 1 ? '' : 's'}`;

/** One sentence: what the archive is doing. Its failure is told beside it. */
export function archiveSentence({ state, waitingSegments, waitingBytes, rate }: ArchiveStatus): string {
  const wait = waitingSegments === 1 ? 'waits' : 'wait';
  const waiting = `${count(waitingSegments, 'recording')} (${byteSize(waitingBytes)})`;
  if (state === 'off') return 'Nothing is copied.';
  if (waitingSegments === 0) return state === 'failed' ? 'Nothing waits to be copied.' : 'Everything is copied.';
  if (state === 'failed') return `${waiting} ${wait} to be copied. It is tried again.`;
  if (rate === 0) return `${waiting} ${wait} to be copied.`;
  return `Copying at ${byteSize(rate)} a second: ${waiting} to go, about ${duration((waitingBytes / rate) * 1000)}.`;
}

/** What is there, or null where there is nothing yet. */
export function archiveHolds({ segments, bytes }: ArchiveStatus): string | null {
  return segments === 0 ? null : `${byteSize(bytes)} in ${count(segments, 'recording')}`;
}

export function restoreSentence(restore: ArchiveStatus['restore']): string | null {
  if (!restore) return null;
  const { running, seen, restored, unreadable } = restore;
  const unread = unreadable === 0 ? '' : ` ${count(unreadable, 'object')} cannot be opened.`;
  const found = `${count(restored, 'recording')} of ${seen.toLocaleString()} put back into the timeline`;
  return running ? `Looking through the archive: ${found} so far.${unread}` : `The archive was looked through: ${found}.${unread}`;
}
