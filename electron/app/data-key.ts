import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { CodedError } from '../base/errors.ts';
import { unwritable } from '../host/data-folder.ts';
import { DATA_KEY_BYTES, KEY_FILE_NOTICE, WRAPPED_KEY_FILE, createOnce, exists, loadKeyFile } from '../host/key-file.ts';

export interface DataKey {
  readonly key: Uint8Array;
  /** What the user should know about how it is kept. */
  readonly notices: readonly string[];
}

/**
 * The one random key that wraps every secret, itself wrapped by the system's keychain in `key.safe`. Where there is no
 * keychain worth the name, or the folder was begun without one (`keyhole serve`), the key file is used, with a notice.
 * Errors: `key-unavailable` when there is a wrapped key that the keychain does not open; never a new key in its place.
 */
export async function loadDataKey(folder: string, storage: SafeStorage, platform: string = process.platform): Promise<DataKey> {
  const path = join(folder, WRAPPED_KEY_FILE);
  const wrapped = await exists(path);
  if (!wrapped && ((await exists(join(folder, 'key'))) || !(await keychainIsSafe(storage, platform)))) {
    return { key: await loadKeyFile(folder), notices: [KEY_FILE_NOTICE] };
  }
  if (!wrapped) {
    const sealed = await storage.encryptStringAsync(randomBytes(DATA_KEY_BYTES).toString('base64'));
    await createOnce(path, sealed).catch((error: unknown) => {
      throw unwritable(folder, error);
    });
  }
  return { key: await unwrap(path, storage), notices: [] };
}

async function unwrap(path: string, storage: SafeStorage): Promise<Uint8Array> {
  try {
    const { result, shouldReEncrypt } = await storage.decryptStringAsync(await readFile(path));
    const key = new Uint8Array(Buffer.from(result, 'base64'));
    if (key.length !== DATA_KEY_BYTES) throw new Error(`${key.length} bytes in place of ${DATA_KEY_BYTES}`);
    if (shouldReEncrypt) {
      await writeFile(`${path}.tmp`, await storage.encryptStringAsync(result), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    }
    return key;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CodedError(
      'key-unavailable',
      `The system's keychain does not open the key in ${path} (${why}). Unlock it, then start Keyhole again.`,
      {
        cause: error,
      },
    );
  }
}

/** `basic_text` is a fixed password that every program knows: no protection, and it would look like one. */
async function keychainIsSafe(storage: SafeStorage, platform: string): Promise<boolean> {
  if (!(await storage.isAsyncEncryptionAvailable())) return false;
  return platform !== 'linux' || !['basic_text', 'unknown'].includes(storage.getSelectedStorageBackend());
}
