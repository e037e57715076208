import { readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemClock, type Clock } from '../base/clock.ts';
import { errnoOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FolderKey } from '../contract/model.ts';
import { syncFolder } from '../segment/disk.ts';
import { RECORDINGS_DIR } from '../segment/names.ts';
import type { Storage } from '../storage/client.ts';
import type { Garbage } from '../storage/interface.ts';
import type { StorageFolders } from './folders.ts';
import { INSTALLATION_SETTING, isMarked } from './marker.ts';

/** Files, and folders of cameras: nothing above them, nothing beside them. */
const OURS = new RegExp(`^${RECORDINGS_DIR}/[a-z0-9-]+(/\\d{4}-\\d{2}-\\d{2}/[0-9]+(\\.[a-z]+)?\\.mp4)?$`);
/** Notes read at a time. */
const PAGE = 1_000;
/** Files unlinked before it is paused. */
const BATCH = 50;
/** A folder of such a day may be written to just now. */
const RECENT_MS = 2 * 86_400_000;

export interface GarbageOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly folders: Pick<StorageFolders, 'all' | 'root'> & Partial<Pick<StorageFolders, 'run'>>;
  readonly log: Log;
  readonly clock?: Clock;
  /** Called behind each batch with the milliseconds that it took: resolves when the next may begin. */
  readonly pause?: (tookMs: number) => Promise<void>;
  /** Only this folder's. */
  readonly folder?: FolderKey;
  /** Whole folders of cameras are left for later: they may hold hundreds of thousands of files. */
  readonly filesOnly?: boolean;
  /** Asked between two batches; what is not deleted then stays noted. */
  readonly stopped?: () => boolean;
}

/**
 * Deletes what no row speaks of any more: files, fsync of their folder, and only then the note that they are garbage. What a killed process left
 * over is deleted at the next start. Of a folder that is not connected nothing is deleted and no note is dropped: its files are still there.
 * At most a thousand notes a folder, and those that cannot be deleted, which stay noted and hold up no others. Returns how many went.
 */
export async function collectGarbage(options: GarbageOptions): Promise<number> {
  let deleted = 0;
  for (const { key } of options.folders.all) {
    if (options.folder !== undefined && options.folder !== key) continue;
    const root = options.folders.root(key);
    if (root !== null) deleted += await new FolderGarbage(options, key, root).collect();
  }
  return deleted;
}

class FolderGarbage {
  readonly #options: GarbageOptions;
  readonly #key: FolderKey;
  readonly #root: string;
  /** Nothing more is to be tried: it was stopped, or the disk is gone. */
  #ended = false;

  constructor(options: GarbageOptions, key: FolderKey, root: string) {
    this.#options = options;
    this.#key = key;
    this.#root = root;
  }

  async collect(): Promise<number> {
    const { storage } = this.#options;
    for (let after = ''; ;) {
      const page = await storage.call('garbage', { folder: this.#key, limit: PAGE, after });
      const deleted = await this.#delete(page);
      const last = page.at(-1);
      if (deleted > 0 || !last || page.length < PAGE || this.#ended) return deleted;
      after = last.path;
    }
  }

  async #delete(page: readonly Garbage[]): Promise<number> {
    const { storage, log } = this.#options;
    let deleted = 0;
    const byFolder = new Map<string, Garbage[]>();
    for (const note of page) {
      const path = note.path.replaceAll('\\', '/');
      // The note comes from our own database, but who deletes whole folders looks twice.
      if (OURS.test(path)) byFolder.set(dirname(path), [...(byFolder.get(dirname(path)) ?? []), note]);
      else log.error('what is no recording is noted for deletion: it is left alone', { path });
    }
    for (const [folder, notes] of byFolder) {
      if (folder === RECORDINGS_DIR && this.#options.filesOnly) continue;
      try {
        if (folder === RECORDINGS_DIR) for (const { path } of notes) await this.#removeTree(join(this.#root, path));
        else await this.#unlinkAll(notes.map(({ path }) => join(this.#root, path)));
        await this.#settle(folder);
        if (!(await this.#isThere())) {
          this.#ended = true;
          log.warn('a disk went while recordings on it were deleted: this goes on when it is back', { folder: this.#root });
          return deleted;
        }
        await storage.call('dropGarbage', { files: notes });
        deleted += notes.length;
      } catch (error) {
        this.#ended = error instanceof Stopped;
        if (this.#ended) return deleted;
        log.warn('removed recordings could not be deleted yet', { folder, error: String(error) });
      }
    }
    return deleted;
  }

  /** Asked behind the deletion: on a disk that went meanwhile there was nothing to delete, and all of it is still there. */
  async #isThere(): Promise<boolean> {
    const { storage } = this.#options;
    // A store that was never marked knows no disk from another.
    if ((await storage.call('setting', { key: INSTALLATION_SETTING })) === null) return true;
    return this.#do(() => isMarked(storage, { key: this.#key, root: this.#root }));
  }

  /** A day folder that is empty goes; what went is safe to forget once this resolves. */
  async #settle(folder: string): Promise<void> {
    const day = Date.parse(`${folder.split('/').at(-1)}T00:00:00Z`);
    const { clock = systemClock } = this.#options;
    const path = join(this.#root, folder);
    if (day < clock.now() - RECENT_MS && (await this.#do(() => removeEmpty(path)))) return this.#do(() => sync(dirname(path)));
    return this.#do(() => sync(path));
  }

  /** A camera's whole folder, file by file: in one go it would keep the disk busy for minutes. */
  async #removeTree(path: string): Promise<void> {
    const entries = await this.#do(() => readdir(path, { withFileTypes: true })).catch(ignoreMissing([]));
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => join(path, name));
    for (const entry of entries) if (entry.isDirectory()) await this.#removeTree(join(path, entry.name));
    await this.#unlinkAll(files);
    await this.#do(() => rmdir(path)).catch(ignoreMissing(undefined));
  }

  async #unlinkAll(paths: readonly string[]): Promise<void> {
    for (let i = 0; i < paths.length; i += BATCH) {
      if (this.#options.stopped?.()) throw new Stopped();
      const began = performance.now();
      // One behind the other: an operation of the disk at a time is what leaves room for those that write.
      for (const path of paths.slice(i, i + BATCH)) await this.#do(() => unlink(path)).catch(ignoreMissing(undefined));
      await this.#options.pause?.(performance.now() - began);
    }
  }

  #do<T>(operation: () => Promise<T>): Promise<T> {
    return this.#options.folders.run ? this.#options.folders.run(this.#key, operation) : operation();
  }
}

class Stopped extends Error {}

/** True when there is no such folder any more. */
async function removeEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A camera's folder may be gone with the last of its days. */
async function sync(path: string): Promise<void> {
  await syncFolder(path).catch(ignoreMissing(undefined));
}

function ignoreMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (errnoOf(error) === 'ENOENT') return instead;
    throw error;
  };
}
