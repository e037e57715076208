import { rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import type { SegmentDisk } from '../segment/disk.ts';
import { MARKER_FILE, RECORDINGS_DIR } from '../segment/names.ts';

/**
 * Makes no folder where the mark of the storage folder is not. When a disk goes away between a look at it and the first write, its mount point
 * is an empty folder of another disk: what was made there is taken away again, and the disk is said to be missing.
 */
export class MountedDisk implements SegmentDisk {
  readonly #disk: SegmentDisk;
  readonly #root: string;
  readonly #marker: string;
  readonly #marked: () => boolean;

  /** @param marked whether the folder is to carry a mark at all: a new data folder does not yet */
  constructor(disk: SegmentDisk, root: string, marked: () => boolean) {
    this.#disk = disk;
    this.#root = root;
    this.#marker = join(root, RECORDINGS_DIR, MARKER_FILE);
    this.#marked = marked;
  }

  open: SegmentDisk['open'] = (path, as) => this.#disk.open(path, as);
  unlink: SegmentDisk['unlink'] = (path) => this.#disk.unlink(path);
  rename: SegmentDisk['rename'] = (from, to) => this.#disk.rename(from, to);
  syncFolder: SegmentDisk['syncFolder'] = (path) => this.#disk.syncFolder(path);

  async makeFolder(path: string): Promise<string | undefined> {
    if (!this.#marked()) return this.#disk.makeFolder(path);
    if (!(await exists(this.#marker))) throw this.#missing();
    const topmost = await this.#disk.makeFolder(path);
    if (topmost === undefined || (await exists(this.#marker))) return topmost;
    for (let made = path; made.length >= topmost.length; made = dirname(made)) await rmdir(made).catch(() => {});
    throw this.#missing();
  }

  #missing(): CodedError {
    return new CodedError('disk-missing', `The storage folder ${this.#root} is not connected (any more): connect its disk.`);
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
