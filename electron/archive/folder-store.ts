import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CodedError, errnoOf } from '../base/errors.ts';
import { firstOf } from '../base/first-of.ts';
import { syncFolder } from '../segment/disk.ts';
import { ARCHIVE_MARKER, ownFolder, type ObjectStore, type PutOptions, type StoredObject } from './object-store.ts';

/**
 * Each upload has a file of its own: what a disk that hung writes late of one that was given up is in no other's, and a test may go on beside a copy.
 * By the run of the program it is told what a killed one left.
 */
const THIS_RUN = randomUUID();
const UPLOAD_FILE = /^upload-([0-9a-f-]{36})-\d+\.part$/;
/** Written at once. */
const WRITE_BYTES = 1024 * 1024;
/** A disk, or a folder on another computer, that has not answered one request for so long is not there, milliseconds. */
const PATIENCE_MS = 30_000;

export interface FolderStoreOptions {
  /** Absolute. */
  readonly path: string;
  readonly keyId: string;
  readonly clock: Clock;
  /** False before the folder was taken in use: then there is no mark yet that tells it from a disk that is not mounted. */
  readonly marked?: boolean;
}

/** An archive in a folder: on another disk, or one that the system has mounted from elsewhere. */
export class FolderStore implements ObjectStore {
  static #uploads = 0;
  readonly where: string;
  readonly #base: string;
  readonly #clock: Clock;
  readonly #marked: boolean;

  constructor({ path, keyId, clock, marked = true }: FolderStoreOptions) {
    this.where = `the folder ${path}`;
    this.#base = join(path, ownFolder(keyId));
    this.#clock = clock;
    this.#marked = marked;
  }

  async put(name: string, totalBytes: number, parts: AsyncIterable<Uint8Array>, { signal, pace }: PutOptions = {}): Promise<void> {
    // Without the mark the disk is not mounted, and this would fill the one below it.
    await this.#mustBeThere();
    const path = join(this.#base, name);
    const part = join(this.#base, `upload-${THIS_RUN}-${++FolderStore.#uploads}.part`);
    await this.#run(signal, () => makeFolders(dirname(path)));
    try {
      const file = await this.#run(signal, () => open(part, 'wx', 0o600));
      try {
        const written = await this.#write(file, parts, { signal, pace });
        if (written !== totalBytes) throw new Error(`${written} bytes of an object of ${totalBytes}`);
        await this.#run(signal, () => file.sync());
      } finally {
        await this.#after(signal, () => file.close());
      }
      await this.#run(signal, async () => {
        await rename(part, path);
        await syncFolder(dirname(path));
      });
    } catch (error) {
      await this.#after(signal, () => rm(part, { force: true })).catch(() => {}); // the next start takes it away
      throw isMissing(error) ? this.#failure(error) : error;
    }
  }

  async #write(file: FileHandle, parts: AsyncIterable<Uint8Array>, { signal, pace }: PutOptions): Promise<number> {
    let position = 0;
    for await (const bytes of pace?.limited ? parts : inBatches(parts)) {
      await pace?.wait(bytes.length, signal);
      for (let done = 0; done < bytes.length;) {
        const at = done;
        const { bytesWritten } = await this.#run(signal, () => file.write(bytes, at, bytes.length - at, position + at));
        if (bytesWritten === 0) throw this.#failure(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
        done += bytesWritten;
      }
      position += bytes.length;
      pace?.sent(bytes.length);
    }
    return position;
  }

  async read(name: string, offset: number, bytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.#run(signal, () => readAt(join(this.#base, name), offset, bytes));
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#mustBeThere();
      throw new CodedError('not-found', `${name} is not in the archive (any more): ${this.where} does not have it.`, { cause: error });
    }
  }

  async size(name: string, signal?: AbortSignal): Promise<number | null> {
    try {
      return (await this.#run(signal, () => stat(join(this.#base, name)))).size;
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#mustBeThere();
      return null;
    }
  }

  async remove(names: readonly string[], signal?: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    await this.#mustBeThere();
    const folders = new Set<string>();
    for (const name of names) {
      const path = join(this.#base, name);
      await this.#run(signal, () => rm(path, { force: true }));
      folders.add(dirname(path));
    }
    for (const folder of folders) {
      await this.#run(signal, () => syncFolder(folder)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
    await this.#mustBeThere();
    yield* this.#below('', prefix, signal);
  }

  async *#below(folder: string, prefix: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
    const entries = await this.#run(signal, () => readdir(join(this.#base, folder), { withFileTypes: true }));
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = folder + entry.name;
      if (entry.isDirectory()) {
        const inner = `${name}/`;
        if (inner.startsWith(prefix) || prefix.startsWith(inner)) yield* this.#below(inner, prefix, signal);
      } else if (entry.isFile() && name.startsWith(prefix) && !UPLOAD_FILE.test(name)) {
        yield { name, bytes: (await this.#run(signal, () => stat(join(this.#base, name)))).size };
      }
    }
  }

  async tidy(signal?: AbortSignal): Promise<void> {
    const names = await this.#run(signal, () => readdir(this.#base)).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const name of names) {
      const [, run] = UPLOAD_FILE.exec(name) ?? [];
      if (run !== undefined && run !== THIS_RUN) await this.#run(signal, () => rm(join(this.#base, name), { force: true }));
    }
  }

  close(): void {}

  /** @throws CodedError `archive-unreachable` where the folder does not carry its mark */
  async #mustBeThere(): Promise<void> {
    if (!this.#marked) return;
    try {
      await this.#run(undefined, () => stat(join(this.#base, ARCHIVE_MARKER)));
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new CodedError('archive-unreachable', `The archive is not in ${this.where}: connect its disk, or mount it again.`, {
        cause: error,
      });
    }
  }

  /** Of what is over: not waited for where somebody wants to go on. */
  async #after(signal: AbortSignal | undefined, operation: () => Promise<void>): Promise<void> {
    if (signal?.aborted) void operation().catch(() => {});
    else await this.#run(undefined, operation);
  }

  async #run<T>(signal: AbortSignal | undefined, operation: () => Promise<T>): Promise<T> {
    const stopped = () => new CodedError('closed', 'Keyhole stopped using the archive.');
    if (signal?.aborted) throw stopped();
    try {
      return await firstOf<T>({
        clock: this.#clock,
        timeoutMs: PATIENCE_MS,
        late: () => new CodedError('archive-unreachable', `${sentence(this.where)} has not answered for ${PATIENCE_MS / 1000} s.`),
        listen: (resolve, reject) => {
          const stop = () => reject(stopped());
          signal?.addEventListener('abort', stop);
          operation().then(resolve, reject);
          return [() => signal?.removeEventListener('abort', stop)];
        },
      });
    } catch (error) {
      if (error instanceof CodedError || isMissing(error)) throw error;
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): CodedError {
    const errno = errnoOf(error) ?? '';
    const options = { cause: error };
    if (errno === 'ENOSPC' || errno === 'EDQUOT')
      return new CodedError('archive-refused', `${sentence(this.where)} is full: make space, or let the archive keep less.`, options);
    if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS')
      return new CodedError('archive-refused', `${sentence(this.where)} may not be written (${errno}): change its permissions.`, options);
    const message = error instanceof Error ? error.message : String(error);
    return new CodedError('archive-unreachable', `${sentence(this.where)} cannot be used just now: ${message}.`, options);
  }
}

/** The new ones are known to their parents, all the way to the disk: an object in a folder that the power takes away is gone with it. */
async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Small pieces put together: each write is a way to another thread and back. */
async function* inBatches(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    batch.push(piece);
    bytes += piece.length;
    if (bytes < WRITE_BYTES) continue;
    yield Buffer.concat(batch);
    batch = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(batch);
}

async function readAt(path: string, offset: number, bytes: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function sentence(where: string): string {
  return where.charAt(0).toUpperCase() + where.slice(1);
}
