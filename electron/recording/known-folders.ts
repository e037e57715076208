import type { Log } from '../base/log.ts';
import type { FolderKey } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import type { StorageFolder } from './folders.ts';
import { checkMarker, isMarked } from './marker.ts';

/** Which storage folders are those that this database knows, by their markers: of any other nothing is known, least of all that it is empty. */
export class KnownFolders {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #log: Log;
  readonly #known = new Set<FolderKey>();
  readonly #unknown: string[] = [];

  constructor(storage: Pick<Storage, 'call'>, log: Log) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Roots of those that are not there, or are not what this database knows. */
  get unknown(): readonly string[] {
    return this.#unknown;
  }

  /** To be asked first; marks a folder that is new. */
  async check(folder: StorageFolder): Promise<void> {
    if (await checkMarker(this.#storage, folder)) this.#known.add(folder.key);
    else this.#say(folder);
  }

  has(folder: FolderKey): boolean {
    return this.#known.has(folder);
  }

  /** To be asked behind a look that found something missing: of a disk that went meanwhile everything is. */
  async isStillThere(folder: StorageFolder): Promise<boolean> {
    const there = await isMarked(this.#storage, folder);
    if (!there) this.#say(folder);
    return there;
  }

  #say({ key, root }: StorageFolder): void {
    this.#known.delete(key);
    if (this.#unknown.includes(root)) return;
    this.#unknown.push(root);
    this.#log.warn('a recordings folder is not the one this database knows: is a disk not mounted? No row is taken away', {
      folder: root,
    });
  }
}
