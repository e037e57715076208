import type { CameraUsage, StorageCondition, StorageFloor, StorageFolderInfo } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import type { Cameras } from './cameras.svelte.ts';

/** How often figures are asked for while somebody looks at them, milliseconds. */
const LOOK_MS = 10_000;

/** Where recordings are kept. What is the matter with a folder is known at all times, figures while somebody watches. */
export class StorageRoom {
  readonly #link: EngineLink;
  #folders = $state.raw<readonly StorageFolderInfo[]>([]);
  #loaded = $state(false);
  #floor = $state.raw<StorageFloor | null | undefined>();
  #usage = $state.raw<readonly CameraUsage[]>([]);
  readonly #troubles = $derived(this.#folders.filter(({ text }) => text !== null));

  constructor(link: EngineLink, cameras: Cameras) {
    this.#link = link;
    cameras.onStorage((conditions) => this.#take(conditions));
    link.onClient(() => void this.look());
  }

  get folders(): readonly StorageFolderInfo[] {
    return this.#folders;
  }

  /** False until the engine has answered once. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Folders that something is the matter with. */
  get troubles(): readonly StorageCondition[] {
    return this.#troubles;
  }

  /** Null: the usual. Undefined until the engine has told it. */
  get floor(): StorageFloor | null | undefined {
    return this.#floor;
  }

  get usage(): readonly CameraUsage[] {
    return this.#usage;
  }

  /** Follows the figures; returns what ends it. */
  watch(): () => void {
    const ask = () => {
      void this.look();
      this.#link.call('storage.settings', {}).then(({ floor }) => (this.#floor = floor), ignore);
      this.#link.call('storage.usage', {}).then((usage) => (this.#usage = usage), ignore);
    };
    const stop = this.#link.onClient(ask);
    const timer = setInterval(ask, LOOK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }

  async look(): Promise<void> {
    await this.#link.call('storage.folders', {}).then((folders) => {
      this.#folders = folders;
      this.#loaded = true;
    }, ignore);
  }

  /** Rejects with the engine's CodedError. */
  async add(path: string): Promise<void> {
    await this.#link.call('storage.addFolder', { path });
    await this.look();
  }

  async remove(key: number, forget: boolean): Promise<void> {
    await this.#link.call('storage.removeFolder', { key, forget });
    await this.look();
  }

  async keepFree(floor: StorageFloor | null): Promise<void> {
    this.#floor = (await this.#link.call('storage.configure', { floor })).floor;
    await this.look();
  }

  #take(conditions: readonly StorageCondition[]): void {
    const known = (key: number) => this.#folders.find((folder) => folder.key === key);
    if (conditions.some(({ key }) => !known(key)) || conditions.length !== this.#folders.length) void this.look();
    this.#folders = conditions.flatMap((condition) => {
      const folder = known(condition.key);
      return folder ? [{ ...folder, ...condition }] : [];
    });
  }
}

/** The connection broke; the next one asks again. */
function ignore(): void {}
