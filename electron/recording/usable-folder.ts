import { mkdir, readdir, realpath, rmdir } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative, sep } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { RECORDINGS_DIR } from '../segment/names.ts';
import { writeFailure } from '../segment/write-failure.ts';
import type { Storage } from '../storage/client.ts';
import type { StorageFolder } from './folders.ts';

/**
 * A folder that a person chose for recordings, as the disk knows it.
 * @param roots of the folders in use: one of them may be chosen again
 * @throws CodedError `bad-request`, `not-found`, `conflict`, `data-unwritable`
 */
export async function usableRoot(path: string, roots: readonly string[]): Promise<string> {
  if (!isAbsolute(path)) throw new CodedError('bad-request', `"${path}" is not a whole path: begin with ${sep}, or with a drive.`);
  const asked = normalize(path);
  const root = await realpath(asked).catch(() => {
    throw new CodedError('not-found', `There is no folder ${asked}: make it first, on the disk that it is to be on.`);
  });
  for (const used of roots) {
    const other = await realpath(used).catch(() => used);
    if (other === root) continue;
    if (within(root, other) || within(other, root))
      throw new CodedError('conflict', `${root} and the storage folder ${other} lie one inside the other: choose a folder beside it.`);
  }
  if (!roots.includes(root)) await tryWriting(root);
  return root;
}

/**
 * Where there should be recordings and none is, a disk is not mounted: to mark its mount point would be to take it for an empty disk.
 * @throws CodedError `disk-missing`
 */
export async function refuseEmpty(storage: Pick<Storage, 'call'>, { key, root }: StorageFolder): Promise<void> {
  const rows = (await storage.call('usage', {})).filter(({ folder, segments }) => folder === key && segments > 0);
  if (rows.length === 0) return;
  const names = await readdir(join(root, RECORDINGS_DIR)).catch(() => []);
  if (names.some((name) => name.startsWith('cam-'))) return;
  throw new CodedError('disk-missing', `There are recordings in ${root}, but the folder is empty now: connect its disk first.`);
}

async function tryWriting(root: string): Promise<void> {
  const probe = join(root, `.keyhole-probe-${process.pid}`);
  try {
    await mkdir(probe);
    await rmdir(probe);
  } catch (error) {
    const { message } = writeFailure(error, root);
    throw new CodedError('data-unwritable', message, { cause: error });
  }
}

/** Whether `inner` is somewhere below `outer`. */
function within(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way);
}
