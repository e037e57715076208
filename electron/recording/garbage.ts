import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Storage } from '../storage/client.ts';
import type { Garbage } from '../storage/interface.ts';
import type { FolderRoots } from '../segment/segment.ts';
import { RECORDINGS_DIR } from '../segment/names.ts';
import { syncFolder } from '../segment/disk.ts';

/** Files, and folders of cameras: nothing above them, nothing beside them. */
const OURS = new RegExp(`^${RECORDINGS_DIR}/[a-z0-9-]+(/\\d{4}-\\d{2}-\\d{2}/[0-9]+(\\.[a-z]+)?\\.mp4)?$`);

/**
 * Deletes what no row speaks of any more: files, fsync of the folder, and only then the note that they are garbage. What a killed
 * process left over is deleted at the next start. Returns how many went; one that cannot be deleted stays noted.
 */
export async function collectGarbage(options: {
  readonly storage: Pick<Storage, 'call'>;
  readonly folders: FolderRoots;
  readonly log: Log;
}): Promise<number> {
  const { storage, folders, log } = options;
  let deleted = 0;
  for (const { folder, path } of await storage.call('garbage', {})) {
    // The note comes from our own database, but a recursive deletion looks twice.
    if (!OURS.test(path.replaceAll('\\', '/'))) {
      log.error('what is no recording is noted for deletion: it is left alone', { path });
      continue;
    }
    const root = folders.root(folder);
    if (root === null) continue;
    try {
      await rm(join(root, path), { recursive: true, force: true });
      await syncFolder(dirname(join(root, path)));
      const gone: Garbage = { folder, path };
      await storage.call('dropGarbage', { files: [gone] });
      deleted += 1;
    } catch (error) {
      log.warn('removed recordings could not be deleted yet', { path, error: String(error) });
    }
  }
  return deleted;
}
