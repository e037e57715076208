import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { StorageFolder } from './folders.ts';
import type { Storage } from '../storage/client.ts';
import { MARKER_FILE, RECORDINGS_DIR } from '../segment/names.ts';
import { syncFolder } from '../segment/disk.ts';

const SETTING = 'recordings.id';

/**
 * True when the recordings folder carries the mark of this database. A disk that is not mounted shows an empty folder: without
 * the mark, missing files prove nothing. A new database, or one without any footage, takes the folder as its own.
 */
export async function checkMarker(storage: Pick<Storage, 'call'>, { root }: StorageFolder): Promise<boolean> {
  const folder = join(root, RECORDINGS_DIR);
  await mkdir(folder, { recursive: true });
  const known = await storage.call('setting', { key: SETTING });
  const found = await readMarker(join(folder, MARKER_FILE));
  if (known !== null && known === found) return true;
  const { segments } = await storage.call('totals', {});
  if (segments > 0 && known !== null) return false;
  const id = found ?? known ?? randomUUID();
  if (id !== found) await writeMarker(folder, id);
  await storage.call('setSetting', { key: SETTING, value: id });
  return true;
}

async function readMarker(path: string): Promise<string | null> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    const id = typeof parsed === 'object' && parsed !== null && 'id' in parsed ? parsed.id : null;
    return typeof id === 'string' ? id : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

async function writeMarker(folder: string, id: string): Promise<void> {
  const file = await open(join(folder, MARKER_FILE), 'w');
  try {
    await file.writeFile(JSON.stringify({ id, about: 'Keyhole keeps its recordings here; do not delete this file.' }) + '\n');
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}
