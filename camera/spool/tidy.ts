import { statfs } from 'node:fs/promises';
import type { Catalog } from './catalog.ts';

export interface SpoolLimits {
  /** Of all files together. */
  readonly bytes: number;
  readonly ageMs: number;
}

/** Left free for others: the smaller of this and a tenth of the disk. What the writer insists on is less. */
const [FREE_BYTES, FREE_SHARE] = [256 * 1024 * 1024, 0.1];
/** What goes in one round because it is too old: a wall clock that is wrong for a minute does not cost all of it. And for want of room. */
const [MAX_AGED, MAX_REMOVED] = [20, 200];

export interface TidyOptions {
  readonly catalog: Pick<Catalog, 'oldest' | 'bytes'>;
  readonly limits: SpoolLimits;
  /** On the spool's disk. */
  readonly folder: string;
  /** By the wall clock, UTC ms. */
  readonly now: number;
  readonly remove: (key: number) => Promise<void>;
}

/** The oldest go: what is too old, and what there is no room for. A round of it. */
export async function tidy({ catalog, limits, folder, now, remove }: TidyOptions): Promise<void> {
  for (const { key, end } of catalog.oldest(MAX_AGED)) if (end < now - limits.ageMs) await remove(key);
  const isTooMuch = async () => catalog.bytes > limits.bytes || (await isCramped(folder));
  if (!(await isTooMuch())) return;
  for (const { key } of catalog.oldest(MAX_REMOVED)) {
    await remove(key);
    if (!(await isTooMuch())) return;
  }
}

/** The disk has less left than others should have. */
async function isCramped(folder: string): Promise<boolean> {
  const { bavail, bsize, blocks } = await statfs(folder);
  return bavail * bsize < Math.min(FREE_BYTES, blocks * bsize * FREE_SHARE);
}
