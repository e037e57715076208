import { statfs } from 'node:fs/promises';
import { CodedError } from '../base/errors.ts';

/** Bytes of a disk of this size that are left for the database, logs and the rest of the machine: the smaller of 64 MiB and 5 %. */
export function headroomOf(totalBytes: number): number {
  return Math.min(64 * 1024 * 1024, totalBytes * 0.05);
}

/** @throws CodedError `disk-full` when less than `headroomBytes` (default: headroomOf the disk) is free where `folder` is */
export async function checkDiskSpace(folder: string, headroomBytes?: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  if (bavail * bsize < (headroomBytes ?? headroomOf(blocks * bsize))) throw diskFull(folder);
}

export function diskFull(folder: string): CodedError {
  return new CodedError('disk-full', `The disk that holds ${folder} is full: recording goes on as soon as there is space.`);
}
