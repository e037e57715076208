import { randomBytes } from 'node:crypto';
import { chmod, link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errnoOf } from '../base/errors.ts';
import { unwritable } from './data-folder.ts';

export const DATA_KEY_BYTES = 32;
/** Where the desktop app keeps the key wrapped by the system's keychain. */
export const WRAPPED_KEY_FILE = 'key.safe';
export const KEY_FILE_NOTICE =
  'Camera keys and passwords are protected by file permissions only (the file "key" in the data folder): this computer offered no keychain.';

/**
 * The data key from the file `key` of the data folder, made at the first start with mode 0600.
 * Created under another name and linked, so that a crash or a second process never leaves half a key.
 * Errors: `data-unwritable`, `key-unavailable` when what is there is not a key.
 */
export async function loadKeyFile(dataFolder: string): Promise<Uint8Array> {
  const path = join(dataFolder, 'key');
  const existing = await readKey(path);
  if (existing) return existing;
  if (await exists(join(dataFolder, WRAPPED_KEY_FILE))) {
    throw new CodedError(
      'key-unavailable',
      `The key of ${dataFolder} is kept by this desktop's keychain. Open this folder with the desktop app, or choose another with --data.`,
    );
  }
  await createOnce(path, randomBytes(DATA_KEY_BYTES)).catch((error: unknown) => {
    throw unwritable(dataFolder, error);
  });
  const key = await readKey(path);
  if (!key) throw unwritable(dataFolder, new Error('the key file vanished'));
  return key;
}

/** Writes a file that is not there yet, whole or not at all, mode 0600. When another was faster, its file stays. */
export async function createOnce(path: string, content: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(fresh, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  );
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  let key: Buffer;
  try {
    key = await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new CodedError(
      'key-unavailable',
      `The key file ${path} cannot be read (${errnoOf(error) ?? 'unknown'}). Give it back to this user, mode 0600.`,
      {
        cause: error,
      },
    );
  }
  if (key.length !== DATA_KEY_BYTES) {
    throw new CodedError(
      'key-unavailable',
      `The key file ${path} is damaged: ${key.length} bytes in place of ${DATA_KEY_BYTES}. Restore it from a backup.`,
    );
  }
  // A copied or restored file may have become readable for others.
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  return new Uint8Array(key);
}
