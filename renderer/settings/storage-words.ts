import type { StorageFloor, StorageFolderInfo, StorageState } from '../../electron/contract/model.ts';

export const STATE_WORDS: Readonly<Record<StorageState, string>> = {
  'ok': 'In use',
  'missing': 'Not connected',
  'full': 'Full',
  'read-only': 'Read-only',
  'failed': 'Failing',
  'slow': 'Not answering',
};

/** Shares of the disk, 0..1: they add up to 1. Null where its size is not known. */
export interface DiskShares {
  readonly keyhole: number;
  readonly other: number;
  readonly free: number;
  /** Where, from the left, free space would be down to what is kept free. */
  readonly floor: number;
}

export function sharesOf({ freeBytes, totalBytes, floorBytes, recordingBytes }: StorageFolderInfo): DiskShares | null {
  if (freeBytes === null || totalBytes === null || totalBytes <= 0) return null;
  const free = Math.min(1, freeBytes / totalBytes);
  const keyhole = Math.min(1 - free, recordingBytes / totalBytes);
  return { keyhole, other: Math.max(0, 1 - free - keyhole), free, floor: 1 - Math.min(1, (floorBytes ?? 0) / totalBytes) };
}

export interface FloorForm {
  kind: 'usual' | 'percent' | 'gigabytes';
  /** As typed. */
  amount: string;
}

export function floorForm(floor: StorageFloor | null): FloorForm {
  if (floor?.bytes !== undefined) return { kind: 'gigabytes', amount: String(floor.bytes / 1e9) };
  if (floor?.percent !== undefined) return { kind: 'percent', amount: String(floor.percent) };
  return { kind: 'usual', amount: '' };
}

/** Whether they mean the same. */
export const sameFloorForm = (a: FloorForm, b: FloorForm): boolean =>
  a.kind === b.kind && (a.kind === 'usual' || a.amount.trim().replace(',', '.') === b.amount.trim().replace(',', '.'));

/** What was chosen, or what is wrong with the number. A decimal comma is meant as one. */
export function readFloorForm({ kind, amount }: FloorForm): { readonly floor: StorageFloor | null } | { readonly fault: string } {
  if (kind === 'usual') return { floor: null };
  const text = amount.trim().replace(',', '.');
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value))
    return { fault: kind === 'percent' ? 'Type a share of the disk, such as 5.' : 'Type how many gigabytes, such as 20.' };
  if (kind === 'percent')
    return value >= 0.1 && value <= 50 ? { floor: { percent: value } } : { fault: 'Type a share between 0.1 and 50 percent.' };
  return value <= 1e6 ? { floor: { bytes: Math.round(value * 1e9) } } : { fault: 'That is more than a disk holds.' };
}
