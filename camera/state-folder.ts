import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CodedError, errnoOf } from '../electron/base/errors.ts';
import { makeFolder } from '../electron/base/folder.ts';
import { base32 } from '../peer/base32.ts';

/** Where a camera keeps its identity and its list of apps. Files are private to the user and survive a power cut whole. */
export class StateFolder {
  readonly #folder: string;

  /** @throws CodedError `data-unwritable` */
  constructor(folder: string) {
    this.#folder = folder;
    try {
      makeFolder(folder);
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /** Null when there is no such file. @throws CodedError `data-unwritable` */
  read(name: string): string | null {
    const file = join(this.#folder, name);
    try {
      // A copied or restored file may have become readable for others.
      if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw unwritable(this.#folder, error);
    }
  }

  /** When it returns, `text` is on the disk: the old file or the new one is there at every moment. @throws CodedError `data-unwritable` */
  write(name: string, text: string): void {
    const file = join(this.#folder, name);
    try {
      const handle = openSync(`${file}.new`, 'w', 0o600);
      try {
        // Unlike writeSync it goes on until all of it is written, or fails.
        writeFileSync(handle, text);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(`${file}.new`, file);
      if (process.platform !== 'win32') {
        const folder = openSync(this.#folder, 'r');
        fsyncSync(folder);
        closeSync(folder);
      }
    } catch (error) {
      throw unwritable(this.#folder, error);
    }
  }

  /** The camera's identity seed, made at the first start. @throws CodedError `key-unavailable` when the file is damaged */
  seed(): Buffer {
    const kept = this.read('identity.key');
    if (kept !== null) {
      const seed = Buffer.from(kept.trim(), 'base64url');
      if (seed.length === 32) return seed;
      const file = join(this.#folder, 'identity.key');
      throw new CodedError('key-unavailable', `${file} is damaged: restore it, or remove it and pair the camera anew with every app.`);
    }
    const seed = randomBytes(32);
    this.write('identity.key', seed.toString('base64url') + '\n');
    return seed;
  }
}

/** One folder for each source, so that two cameras of one user do not share an identity. */
export function defaultStateFolder(source: string, env: NodeJS.ProcessEnv = process.env): string {
  const base =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : (env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'));
  return join(base, 'keyhole', `camera-${base32(createHash('sha256').update(source).digest()).slice(0, 8)}`);
}

function unwritable(folder: string, error: unknown): CodedError {
  const why = error instanceof Error ? error.message : String(error);
  return new CodedError('data-unwritable', `The folder ${folder} cannot be used (${why}): choose another with --state.`, { cause: error });
}
