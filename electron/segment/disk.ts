import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../base/errors.ts';

/** An open file of a segment. */
export interface DiskFile {
  /** Writes in order from `position` on; resolves with how many bytes the disk took, which may be fewer. */
  writev(parts: readonly Uint8Array[], position: number): Promise<number>;
  /** What was written, and the file's size, survive a power cut once this resolves. */
  datasync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The file operations that make a segment, each with the system's own errors (`code` is an errno). Everything that writes segments goes
 * through this, so that a test can put a disk underneath that fails, waits, or loses what was not synced.
 */
export interface SegmentDisk {
  /** `new`: a file that must not be there yet (else EEXIST). `existing`: one that must be, for writing. */
  open(path: string, as: 'new' | 'existing'): Promise<DiskFile>;
  /** With those above it; resolves with the topmost folder that was made, or undefined when all were there. */
  makeFolder(path: string): Promise<string | undefined>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Names in this folder (made, renamed, unlinked) survive a power cut once this resolves. */
  syncFolder(path: string): Promise<void>;
}

/** Windows cannot open a folder; NTFS journals its names by itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Not mkdir's own `recursive`: that one says ENOENT where the disk is full or may only be read. */
async function makeFolder(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return undefined;
    if (errno !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const above = await makeFolder(dirname(path));
  const here = await makeFolder(path);
  return above ?? here;
}

/** The disk that there is. */
export const nodeDisk: SegmentDisk = {
  async open(path, as) {
    const handle = await open(path, as === 'new' ? 'wx' : 'r+');
    return {
      writev: async (parts, position) => (await handle.writev(parts, position)).bytesWritten,
      datasync: () => handle.datasync(),
      truncate: (bytes) => handle.truncate(bytes),
      close: () => handle.close(),
    };
  },
  makeFolder,
  unlink,
  rename,
  syncFolder,
};
