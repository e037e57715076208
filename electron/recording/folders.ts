import type { FolderKey } from '../contract/model.ts';
import type { FolderRoots } from '../segment/segment.ts';

export interface StorageFolder {
  readonly key: FolderKey;
  /** Absolute path of what holds `recordings/`. */
  readonly root: string;
}

/** The folders that recordings are kept in: 0 is the data folder. */
export class StorageFolders implements FolderRoots {
  readonly #folders: readonly StorageFolder[];

  constructor(dataDir: string) {
    this.#folders = [{ key: 0, root: dataDir }];
  }

  get all(): readonly StorageFolder[] {
    return this.#folders;
  }

  root(key: FolderKey): string | null {
    return this.#folders.find((folder) => folder.key === key)?.root ?? null;
  }

  /** Where a new segment goes. @throws CodedError why there is no folder that could take it */
  async choose(preferred: FolderKey): Promise<StorageFolder> {
    const folder = this.#folders.find(({ key }) => key === preferred) ?? this.#folders[0];
    if (!folder) throw new Error('there is no storage folder at all');
    return folder;
  }
}
