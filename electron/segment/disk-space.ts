import { statfs } from 'node:fs/promises';
import { CodedError } from '../base/errors.ts';

/** Left free for the database, logs and the rest of the machine: the smaller of 64 MiB and 5 % of the disk. */
export async function checkDiskSpace(folder: string, headroomBytes?: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  const headroom = headroomBytes ?? Math.min(64 * 1024 * 1024, blocks * bsize * 0.05);
  if (bavail * bsize < headroom) {
    const free = Math.round((bavail * bsize) / 1024 / 1024);
    throw new CodedError(
      'disk-full',
      `The disk that holds ${folder} is full (${free} MB free): recording goes on as soon as there is space.`,
    );
  }
}
