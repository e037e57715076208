import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Storage } from '../storage/client.ts';
import { RECORDINGS_DIR } from '../storage/layout.ts';
import { syncFolder } from './segment-file.ts';

/**
 * Deletes the files of cameras whose rows were deleted: files, fsync of the folder, and only then the note that they are garbage.
 * What a killed process left over is deleted at the next start. Returns how many folders went; one that cannot be deleted stays noted.
 */
export async function collectGarbage(options: {
  readonly storage: Pick<Storage, 'call'>;
  readonly dataDir: string;
  readonly log: Log;
}): Promise<number> {
  const { storage, dataDir, log } = options;
  let deleted = 0;
  for (const path of await storage.call('garbage', {})) {
    // The note comes from our own database, but a recursive deletion looks twice.
    if (!new RegExp(`^${RECORDINGS_DIR}/[a-z0-9-]+$`).test(path.replaceAll('\\', '/'))) {
      log.error('a folder that is no camera is noted for deletion: it is left alone', { path });
      continue;
    }
    try {
      await rm(join(dataDir, path), { recursive: true, force: true });
      await syncFolder(dirname(join(dataDir, path)));
      await storage.call('dropGarbage', { path });
      deleted += 1;
    } catch (error) {
      log.warn('the recordings of a removed camera could not be deleted yet', { path, error: String(error) });
    }
  }
  return deleted;
}
