import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { CameraId } from '../contract/model.ts';
import { nodeDisk, type DiskFile, type SegmentDisk } from './disk.ts';
import { segmentFile } from './names.ts';
import type { SegmentOrigin } from './segment.ts';

/** How many milliseconds a start may be moved to find a free file name: after the clock was set back the name may be taken. */
const MAX_NAME_SHIFT = 100;

/**
 * One segment's file while it is being written. `bytes` are with the system: a killed process loses none of them, a power cut those since the
 * last `sync`.
 */
export class SegmentFile {
  readonly start: number;
  /** Relative to the storage folder. */
  readonly file: string;
  readonly #path: string;
  readonly #disk: SegmentDisk;
  readonly #handle: DiskFile;
  #bytes = 0;
  #closed = false;
  /** Bytes that survive a power cut, whether the name does, and the sync that is under way. */
  #synced = 0;
  #nameSynced = false;
  #syncing: Promise<void> | null = null;
  #syncError: unknown = null;

  private constructor(disk: SegmentDisk, handle: DiskFile, root: string, file: string, start: number) {
    this.#disk = disk;
    this.#handle = handle;
    this.#path = join(root, file);
    this.file = file;
    this.start = start;
  }

  /** Never opens a file that is there: its start is moved by a millisecond instead. */
  static async create(
    root: string,
    camera: CameraId,
    start: number,
    origin: SegmentOrigin = 'live',
    disk: SegmentDisk = nodeDisk,
  ): Promise<SegmentFile> {
    for (let shift = 0; ; shift++) {
      const file = segmentFile(camera, start + shift, origin);
      await makeFolder(disk, dirname(join(root, file)));
      try {
        return new SegmentFile(disk, await disk.open(join(root, file), 'new'), root, file, start + shift);
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || shift >= MAX_NAME_SHIFT) throw error;
      }
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that a power cut leaves in place. */
  get syncedBytes(): number {
    return this.#nameSynced ? this.#synced : 0;
  }

  /** All of it, or nothing: after a failure (a full disk) the file ends where it ended before. */
  async write(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#syncError) throw this.#syncError;
    let rest = parts.filter((part) => part.length > 0);
    let position = this.#bytes;
    try {
      while (rest.length > 0) {
        const written = await this.#handle.writev(rest.slice(0, 1_000), position);
        if (written === 0) throw Object.assign(new Error('the disk takes no more'), { code: 'ENOSPC' });
        position += written;
        rest = dropBytes(rest, written);
      }
    } catch (error) {
      await this.#handle.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    this.#bytes = position;
  }

  /**
   * Begins to make safe what was written so far, and the name; returns at once, and does nothing while the last time is not over. What goes wrong
   * is told by the next `write` or `finish`: after a failed sync nobody knows what the disk has.
   */
  sync(): void {
    if (this.#closed || this.#syncing || this.#syncError || (this.#nameSynced && this.#synced === this.#bytes)) return;
    this.#syncing = this.#makeSafe()
      .catch((error: unknown) => {
        this.#syncError = error;
      })
      .finally(() => (this.#syncing = null));
  }

  /** Content on disk, then the name: only after both may a row speak of it. */
  async finish(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#syncing;
      if (this.#syncError) throw this.#syncError;
      if (this.#synced < this.#bytes) await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
    if (!this.#nameSynced) await this.#disk.syncFolder(dirname(this.#path));
  }

  /** Takes away a file that holds no picture. */
  async discard(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#syncing;
    await this.#handle.close();
    await this.#disk.unlink(this.#path);
  }

  async #makeSafe(): Promise<void> {
    const bytes = this.#bytes;
    await this.#handle.datasync();
    this.#synced = bytes;
    if (this.#nameSynced) return;
    await this.#disk.syncFolder(dirname(this.#path));
    this.#nameSynced = true;
  }
}

function dropBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (left >= part.length) left -= part.length;
    else {
      rest.push(left > 0 ? part.subarray(left) : part);
      left = 0;
    }
  }
  return rest;
}

/** Makes the folder and those above it, each one's name fsynced in its parent. */
async function makeFolder(disk: SegmentDisk, path: string): Promise<void> {
  const first = await disk.makeFolder(path);
  if (!first) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await disk.syncFolder(dirname(folder));
    if (folder === first || folder === dirname(folder)) return;
  }
}
