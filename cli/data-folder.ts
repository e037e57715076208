import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lookIntoArchive, type ArchiveLook } from '../electron/archive/look-in.ts';
import { systemClock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { silentLog } from '../electron/base/log.ts';
import type { FolderKey } from '../electron/contract/model.ts';
import { DATA_KEY_BYTES } from '../electron/host/key-file.ts';
import { readFolderList } from '../electron/recording/folder-list.ts';
import { INSTALLATION_SETTING, isMarked } from '../electron/recording/marker.ts';
import { RECORDINGS_DIR } from '../electron/segment/names.ts';
import { Storage } from '../electron/storage/client.ts';
import type { CameraRow } from '../electron/storage/interface.ts';
import { unseal } from '../electron/storage/seal.ts';
import { createIdentity, type Identity } from '../peer/identity.ts';

/** A data folder as commands see it that only look, also while the app runs. */
export interface OpenDataFolder {
  readonly dataDir: string;
  readonly storage: Storage;
  /** `present`: there, and ours by its mark. A disk that is not mounted shows an empty folder. */
  readonly folders: readonly { readonly key: FolderKey; readonly root: string; readonly present: boolean }[];
  /** Null where the key is kept elsewhere: by the desktop's keychain. */
  readonly dataKey: Uint8Array | null;
  readonly identity: Identity | null;
  /** Reads what only the archive has. */
  readonly archive: ArchiveLook;
  close(): Promise<void>;
}

/** @throws CodedError `not-found` where there is no database */
export async function openDataFolder(dataDir: string): Promise<OpenDataFolder> {
  const storage = await Storage.open({ dataDir, log: silentLog, readOnly: true });
  try {
    const { list } = readFolderList(await storage.call('setting', { key: 'storage.folders' }));
    const unmarked = (await storage.call('setting', { key: INSTALLATION_SETTING })) === null;
    const folders: { key: FolderKey; root: string; present: boolean }[] = [];
    for (const folder of [{ key: 0, root: dataDir }, ...list.map(({ key, path }) => ({ key, root: path }))]) {
      const present = unmarked ? existsSync(join(folder.root, RECORDINGS_DIR)) : await isMarked(storage, folder);
      folders.push({ ...folder, present });
    }
    const dataKey = await dataKeyOf(dataDir);
    const identity = dataKey && (await identityOf(storage, dataKey));
    const archive = await lookIntoArchive({ storage, dataKey, clock: systemClock, log: silentLog });
    const close = () => {
      archive.close();
      return storage.close();
    };
    return { dataDir, storage, folders, dataKey, identity, archive, close };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** What seals the folder's secrets, and the app's public key; null as far as they are kept elsewhere or cannot be read. */
export async function keysOf(dataDir: string): Promise<{ readonly dataKey: Uint8Array | null; readonly key: Uint8Array | null }> {
  try {
    const { dataKey, identity, close } = await openDataFolder(dataDir);
    await close();
    return { dataKey, key: identity?.publicKey ?? null };
  } catch {
    return { dataKey: null, key: null };
  }
}

/** Null where it is not kept in the folder. */
function dataKeyOf(dataDir: string): Promise<Uint8Array | null> {
  return readFile(join(dataDir, 'key')).then(
    (bytes) => (bytes.length === DATA_KEY_BYTES ? new Uint8Array(bytes) : null),
    () => null,
  );
}

/** By its id, or by its name where only one has it. @throws CodedError `not-found`, `conflict` */
export async function findCamera(storage: Storage, wanted: string): Promise<CameraRow> {
  const cameras = await storage.call('cameras', { removed: true });
  const byId = cameras.find(({ id }) => id === wanted);
  if (byId) return byId;
  const named = cameras.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  const [first] = named;
  if (first && named.length === 1) return first;
  const known = cameras.map(({ id, name }) => `${name} (${id})`).join(', ') || 'none';
  if (first) throw new CodedError('conflict', `Several cameras are called "${wanted}": name one by its id. There are: ${known}.`);
  throw new CodedError('not-found', `There is no camera "${wanted}". There are: ${known}.`);
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/** Epoch milliseconds of a flag's value. @throws CodedError `usage` */
export function timeFlag(flag: string, value: string): number {
  const ms = /^\d{10,16}$/.test(value) ? Number(value) : ISO.test(value) ? Date.parse(value) : NaN;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new CodedError(
    'usage',
    `--${flag} takes a time with its zone, such as 2026-01-31T08:00:00Z or 2026-01-31T09:00+01:00, not "${value}".`,
  );
}

async function identityOf(storage: Storage, dataKey: Uint8Array): Promise<Identity | null> {
  const kept = await storage.call('setting', { key: 'identity' });
  if (kept === null) return null;
  try {
    return createIdentity(unseal(dataKey, Buffer.from(kept, 'base64url'), 'identity'));
  } catch {
    return null;
  }
}
