import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { syncFolder } from '../segment/disk.ts';
import { MARKER_FILE, RECORDINGS_DIR } from '../segment/names.ts';
import type { FolderKey } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { StorageFolder } from './folders.ts';

/** Names this installation: what its storage folders are marked with. */
export const INSTALLATION_SETTING = 'recordings.id';

/** What a storage folder says of itself. */
export interface Marker {
  /** The installation whose recordings these are. */
  readonly id: string;
  /** The key that its rows name this folder by. */
  readonly folder: FolderKey;
}

/**
 * True when the recordings folder carries the mark of this database and folder. A disk that is not mounted shows an empty folder: without
 * the mark, missing files prove nothing. The data folder of a new database, or of one without any footage, is taken as its own; other
 * folders are marked when a person adds them, and never otherwise.
 */
export async function checkMarker(storage: Pick<Storage, 'call'>, { key, root }: StorageFolder): Promise<boolean> {
  const known = await storage.call('setting', { key: INSTALLATION_SETTING });
  if (key !== 0) return isMarked(storage, { key, root });
  await mkdir(join(root, RECORDINGS_DIR), { recursive: true });
  const found = await readMarker(root);
  if (known !== null && found?.id === known) return true;
  const { segments } = await storage.call('totals', {});
  if (segments > 0 && known !== null) return false;
  const id = found?.id ?? known ?? randomUUID();
  if (id !== found?.id) await writeMarker(root, { id, folder: 0 });
  await storage.call('setSetting', { key: INSTALLATION_SETTING, value: id });
  return true;
}

/** Whether the folder carries its mark now; also false where that cannot be found out. Changes nothing. */
export async function isMarked(storage: Pick<Storage, 'call'>, { key, root }: StorageFolder): Promise<boolean> {
  const known = await storage.call('setting', { key: INSTALLATION_SETTING });
  const found = await readMarker(root).catch(() => null);
  return known !== null && found?.id === known && found.folder === key;
}

/** Null where there is none, or nothing that could be one. Any other failure of the disk is thrown. */
export async function readMarker(root: string): Promise<Marker | null> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(root, RECORDINGS_DIR, MARKER_FILE), 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('id' in parsed) || typeof parsed.id !== 'string') return null;
    const folder = 'folder' in parsed ? parsed.folder : 0;
    return { id: parsed.id, folder: typeof folder === 'number' && Number.isSafeInteger(folder) && folder >= 0 ? folder : 0 };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Makes the recordings folder where it is missing. On the disk when it resolves. */
export async function writeMarker(root: string, { id, folder }: Marker): Promise<void> {
  const path = join(root, RECORDINGS_DIR);
  await mkdir(path, { recursive: true });
  const fresh = join(path, `${MARKER_FILE}.new`);
  const file = await open(fresh, 'w');
  try {
    await file.writeFile(JSON.stringify({ id, folder, about: 'Keyhole keeps its recordings here; do not delete this file.' }) + '\n');
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(path, MARKER_FILE));
  await syncFolder(path);
  await syncFolder(root);
}
