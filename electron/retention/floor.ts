import type { StorageFloor } from '../contract/model.ts';
import { headroomOf } from '../segment/disk-space.ts';

const GIB = 1024 ** 3;
/** Recording stops at the headroom: what is kept free lies well above it, so that this is never reached while there is something to delete. */
const ABOVE_HEADROOM = 2;
/** Not more than this share, whatever was asked for: a floor as big as the disk would delete everything. */
const MOST = 0.5;

/** Bytes of a disk of this size that retention keeps free. Without a wish: the smaller of 5 % and 10 GiB. */
export function floorBytes(totalBytes: number, wish: StorageFloor | null): number {
  const usual = Math.min(totalBytes * 0.05, 10 * GIB);
  const wanted = wish?.bytes ?? (wish?.percent === undefined ? usual : (totalBytes * wish.percent) / 100);
  return Math.round(Math.min(Math.max(wanted, headroomOf(totalBytes) * ABOVE_HEADROOM), totalBytes * MOST));
}

/** Bytes above the floor up to which is deleted once it is reached: else there would be something to delete every few seconds. */
export function marginBytes(floor: number): number {
  return Math.min(floor * 0.1, GIB / 2);
}
