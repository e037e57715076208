import { join } from 'node:path';
import { systemClock, type Clock, type Timer } from '../base/clock.ts';
import { Emitter } from '../base/emitter.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog, type Log } from '../base/log.ts';
import type { FolderKey, StorageCondition } from '../contract/model.ts';
import type { DiskGuard } from '../segment/disk-guard.ts';
import { nodeDisk, type SegmentDisk } from '../segment/disk.ts';
import { MARKER_FILE, RECORDINGS_DIR } from '../segment/names.ts';
import type { FolderRoots } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import { readFolderList, writeFolderList, type FolderList } from './folder-list.ts';
import { FolderWatch } from './folder-watch.ts';
import { INSTALLATION_SETTING, readMarker, writeMarker } from './marker.ts';
import { refuseEmpty, usableRoot } from './usable-folder.ts';

/** How often each folder is looked at, milliseconds: its mark, its free space, and whether one that failed works again. */
const LOOK_MS = 5_000;
/** More are a mistake: each is looked at all the time. */
const MAX_FOLDERS = 32;

export interface StorageFolder {
  readonly key: FolderKey;
  /** Absolute path of what holds `recordings/`. */
  readonly root: string;
  /** Through which its files are written: one that does not answer holds up nobody else. Absent: as the system does it. */
  readonly disk?: DiskGuard | undefined;
}

export interface FoldersOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly disk?: SegmentDisk;
  /** After how many milliseconds without an answer a disk is given up. */
  readonly patienceMs?: number;
  readonly headroomBytes?: number;
}

/**
 * The folders that recordings are kept in: 0 is the data folder, the others are the person's choice, on disks that may come and go. Knows how each
 * is, and where a new segment goes.
 */
export class StorageFolders implements FolderRoots {
  /** The condition of one of them changed. */
  readonly changed = new Emitter<void>();
  readonly counters = { elsewhere: 0 };
  readonly #options: FoldersOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watches = new Map<FolderKey, FolderWatch>();
  /** Being removed: they take nothing any more. */
  readonly #leaving = new Set<FolderKey>();
  #storage: Pick<Storage, 'call'> | null = null;
  #installation: string | null = null;
  #nextKey = 1;
  #returned: (folder: StorageFolder) => Promise<void> = async () => {};
  #timer: Timer | null = null;
  #listing: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(dataDir: string, options: FoldersOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#watch({ key: 0, root: dataDir });
  }

  /** With those that were added, each looked at once. */
  static async open(storage: Pick<Storage, 'call'>, dataDir: string, options: FoldersOptions = {}): Promise<StorageFolders> {
    const folders = new StorageFolders(dataDir, options);
    folders.#storage = storage;
    folders.#installation = await storage.call('setting', { key: INSTALLATION_SETTING });
    const { list, nextKey } = readFolderList(await storage.call('setting', { key: 'storage.folders' }));
    folders.#nextKey = nextKey;
    for (const { key, path } of list) folders.#watch({ key, root: path });
    await folders.look();
    return folders;
  }

  /** In the order of their keys, whether they are there or not. */
  get all(): readonly StorageFolder[] {
    return [...this.#watches.values()].map(({ folder }) => folder);
  }

  get watches(): readonly FolderWatch[] {
    return [...this.#watches.values()];
  }

  get conditions(): readonly StorageCondition[] {
    return this.watches.map(({ folder, state, failure }) => ({
      key: folder.key,
      path: folder.root,
      state,
      text: failure?.message ?? null,
    }));
  }

  /** Null for a folder that is not known, or not connected just now. */
  root(key: FolderKey): string | null {
    const watch = this.#watches.get(key);
    return watch?.connected ? watch.folder.root : null;
  }

  /** An operation on the files of this folder: refused while its disk does not answer. */
  run<T>(key: FolderKey, operation: () => Promise<T>): Promise<T> {
    const watch = this.#watches.get(key);
    return watch ? watch.guard.run(operation) : Promise.reject(new CodedError('not-found', `There is no storage folder ${key}.`));
  }

  /** Looks at each folder from time to time. `returned` is asked for before one that was away takes recordings again. Idempotent. */
  start(returned: (folder: StorageFolder) => Promise<void>): void {
    this.#returned = returned;
    if (!this.#timer && !this.#closed) this.#arm();
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Looks at all of them, at the same time; one that hangs is not waited for longer than a disk may take. */
  async look(soon = false): Promise<void> {
    if (this.#installation === null && this.#storage)
      this.#installation = await this.#storage.call('setting', { key: INSTALLATION_SETTING });
    await Promise.all(this.watches.map((watch) => watch.look(soon)));
  }

  /**
   * Where a new segment goes: the folder asked for; while that one takes nothing, the usable one with the most free space.
   * @throws CodedError why the folder asked for takes nothing, when no other does
   */
  async choose(preferred: FolderKey): Promise<StorageFolder> {
    const own = (this.#leaving.has(preferred) ? null : this.#watches.get(preferred)) ?? this.#watches.get(0);
    if (!own) throw new Error('there is no storage folder at all');
    const others = () =>
      this.watches
        .filter((watch) => watch !== own && !watch.failure && !this.#leaving.has(watch.folder.key))
        .sort((a, b) => (b.space?.free ?? 0) - (a.space?.free ?? 0));
    if (!own.admitting || others().length === 0) await own.look();
    if (!own.failure) return own.folder;
    for (const other of others()) {
      await other.look();
      if (other.failure) continue;
      this.counters.elsewhere += 1;
      return other.folder;
    }
    if (own.worthTrying) return own.folder;
    throw own.failure;
  }

  /** Writing to this folder failed. True when another one takes recordings: it may be tried at once. */
  failed(key: FolderKey, error: CodedError): boolean {
    this.#watches.get(key)?.failed(error);
    return this.#elsewhere(key);
  }

  /**
   * Takes a folder in use. One that this Keyhole had before gets its old key, so that its recordings are known again; one that is listed already
   * and lost its mark is marked anew. Errors: `bad-request`, `conflict`, and those of the disk.
   */
  add(path: string): Promise<StorageFolder> {
    return this.#oneAtATime(() => this.#add(path));
  }

  /** Nothing is recorded to it from now on. */
  retire(key: FolderKey): void {
    this.#leaving.add(key);
  }

  /** It is used no more; its files and its mark stay. To be called when no row names it. */
  remove(key: FolderKey): Promise<void> {
    return this.#oneAtATime(async () => {
      if (key === 0) throw new CodedError('bad-request', 'The data folder itself cannot be removed from Keyhole.');
      if (!this.#watches.has(key)) throw new CodedError('not-found', `There is no storage folder ${key}.`);
      this.#watches.delete(key);
      this.#leaving.delete(key);
      await this.#save();
      this.changed.emit();
    });
  }

  async #add(path: string): Promise<StorageFolder> {
    const storage = this.#storage;
    if (!storage) throw new Error('the folders were not opened with a storage');
    const root = await usableRoot(
      path,
      this.watches.map(({ folder }) => folder.root),
    );
    this.#installation ??= await storage.call('setting', { key: INSTALLATION_SETTING });
    const installation = this.#installation;
    if (installation === null) throw new CodedError('conflict', 'Keyhole has not looked at its own recordings yet: try again in a moment.');
    const listed = this.watches.find(({ folder }) => folder.root === root);
    const found = await readMarker(root);
    if (found && found.id !== installation)
      throw new CodedError(
        'conflict',
        `The folder ${root} holds the recordings of another Keyhole. Choose another folder, or take ${join(root, RECORDINGS_DIR, MARKER_FILE)} away if nobody needs them any more.`,
      );
    const key = listed?.folder.key ?? (found ? found.folder : this.#nextKey);
    if (listed && !found) await refuseEmpty(storage, listed.folder);
    const moved = this.#watches.get(key);
    if (moved && moved !== listed && (key === 0 || moved.state !== 'missing'))
      throw new CodedError('conflict', `The folder ${root} is a copy of ${moved.folder.root}, which is in use.`);
    if (!listed && !moved && this.#watches.size >= MAX_FOLDERS)
      throw new CodedError('conflict', `There are ${MAX_FOLDERS} storage folders already, the most that Keyhole takes.`);
    if (found?.folder !== key) await writeMarker(root, { id: installation, folder: key });
    const watch = listed ?? this.#watch({ key, root });
    this.#nextKey = Math.max(this.#nextKey, key + 1);
    await this.#save();
    // What is in it may be known from before.
    if (found && !listed) await this.#returned(watch.folder);
    await watch.look(true);
    this.#log.info('a storage folder is in use', { folder: root, key });
    this.changed.emit();
    return watch.folder;
  }

  async #save(): Promise<void> {
    const list: FolderList['list'] = this.watches
      .filter(({ folder }) => folder.key !== 0)
      .map(({ folder }) => ({ key: folder.key, path: folder.root }));
    await this.#storage?.call('setSetting', { key: 'storage.folders', value: writeFolderList({ list, nextKey: this.#nextKey }) });
  }

  #watch(folder: StorageFolder): FolderWatch {
    const { disk = nodeDisk, patienceMs, headroomBytes } = this.#options;
    const watch = new FolderWatch({
      folder,
      disk,
      clock: this.#clock,
      log: this.#log,
      patienceMs,
      headroomBytes,
      installation: () => this.#installation,
      elsewhere: () => this.#elsewhere(folder.key),
      admit: () => this.#returned(folder),
      changed: () => this.changed.emit(),
    });
    this.#watches.set(folder.key, watch);
    return watch;
  }

  #elsewhere(key: FolderKey): boolean {
    return this.watches.some(({ folder, failure }) => folder.key !== key && !failure);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      void this.look().catch((error: unknown) => this.#log.warn('the storage folders could not be looked at', { error: String(error) }));
      this.#arm();
    }, LOOK_MS);
  }

  #oneAtATime<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#listing.then(step);
    this.#listing = done.catch(() => {});
    return done;
  }
}
