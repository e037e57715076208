import { rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CodedError } from '../base/errors.ts';
import type { SegmentDisk } from './disk.ts';

export interface MountedDiskOptions {
  /** The file that the folder is known by. */
  readonly marker: string;
  /** Whether the folder is to carry its mark at all: a new one does not yet. */
  readonly marked: () => boolean;
  /** What is said where it is not. */
  readonly missing: () => CodedError;
}

/**
 * Makes no folder where the mark is not that the folder is known by. When a disk goes away between a look at it and the first write, its mount point
 * is an empty folder of another disk: what was made there is taken away again, and the disk is said to be missing.
 */
export class MountedDisk implements SegmentDisk {
  readonly #disk: SegmentDisk;
  readonly #options: MountedDiskOptions;

  constructor(disk: SegmentDisk, options: MountedDiskOptions) {
    this.#disk = disk;
    this.#options = options;
  }

  open: SegmentDisk['open'] = (path, as) => this.#disk.open(path, as);
  unlink: SegmentDisk['unlink'] = (path) => this.#disk.unlink(path);
  rename: SegmentDisk['rename'] = (from, to) => this.#disk.rename(from, to);
  syncFolder: SegmentDisk['syncFolder'] = (path) => this.#disk.syncFolder(path);

  async makeFolder(path: string): Promise<string | undefined> {
    const { marker, marked, missing } = this.#options;
    if (!marked()) return this.#disk.makeFolder(path);
    if (!(await exists(marker))) throw missing();
    const topmost = await this.#disk.makeFolder(path);
    if (topmost === undefined || (await exists(marker))) return topmost;
    for (let made = path; made.length >= topmost.length; made = dirname(made)) await rmdir(made).catch(() => {});
    throw missing();
  }
}

/** False only where there is no such thing; a disk that fails says neither. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
