/** What the ledger says of time that retention deleted. Days and bytes are in them, so that they stay true when the settings change. */

export function olderThan(days: number): string {
  return `It was recorded, and deleted when it was older than ${days} ${days === 1 ? 'day' : 'days'}, as this camera is kept.`;
}

export function beyondBytes(bytes: number): string {
  return `It was recorded, and deleted as the oldest when this camera's recordings took more than ${gigabytes(bytes)}.`;
}

export const FOR_SPACE = 'It was recorded, and deleted as the oldest to keep space free on the disk.';

/** Powers of ten, as disks are sold. */
export function gigabytes(bytes: number): string {
  return bytes >= 1e12 ? `${trimmed(bytes / 1e12)} TB` : bytes >= 1e9 ? `${trimmed(bytes / 1e9)} GB` : `${trimmed(bytes / 1e6)} MB`;
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}
