import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { CameraId, CameraUsage, FolderKey, Span, StorageCondition, StorageFloor, StorageFolderInfo } from '../contract/model.ts';
import type { StorageFolder, StorageFolders } from '../recording/folders.ts';
import type { SegmentRemover } from '../recording/segment-remover.ts';
import type { Storage } from '../storage/client.ts';
import { BATCH, pauseAfter } from './eraser.ts';
import { floorBytes } from './floor.ts';
import { Retention } from './retention.ts';
import { DAY_MS } from './rules.ts';
import { gigabytes } from './words.ts';

const FLOOR_SETTING = 'storage.floor';
/** A rate over less says nothing, milliseconds. */
const LEAST_RATE_MS = 600_000;

export interface StorageCareOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly remover: Pick<SegmentRemover, 'remove'>;
  readonly folders: StorageFolders;
  readonly clock: Clock;
  readonly log: Log;
  /** Brings the index of a folder that was away in order, before it takes recordings again. */
  readonly returned: (folder: StorageFolder) => Promise<void>;
  /** Footage of this camera is not there any more. */
  readonly erased: (camera: CameraId, span: Span) => void;
  /** The condition of a folder changed. */
  readonly changed: (folders: readonly StorageCondition[]) => void;
}

/** What a person does about storage folders and what is kept in them; and the retention at work. */
export class StorageCare {
  readonly retention: Retention;
  readonly #options: StorageCareOptions;
  #floor: StorageFloor | null = null;

  private constructor(options: StorageCareOptions) {
    const { storage, remover, folders, clock, log, erased } = options;
    this.#options = options;
    this.retention = new Retention({ storage, remover, folders, clock, log, erased, floor: () => this.#floor });
    const tell = () => options.changed(this.conditions());
    folders.changed.on(tell);
    this.retention.warned.on(tell);
  }

  static async open(options: StorageCareOptions): Promise<StorageCare> {
    const care = new StorageCare(options);
    care.#floor = readFloor(await options.storage.call('setting', { key: FLOOR_SETTING }));
    return care;
  }

  /** Idempotent. */
  start(): void {
    this.#options.folders.start(this.#options.returned);
    this.retention.start();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#options.folders.close();
    await this.retention.close();
  }

  conditions(): readonly StorageCondition[] {
    return this.#options.folders.conditions.map((condition) => ({
      ...condition,
      text: condition.text ?? this.retention.warning(condition.key),
    }));
  }

  async folders(): Promise<readonly StorageFolderInfo[]> {
    const { storage, folders } = this.#options;
    const usage = await storage.call('usage', {});
    const conditions = this.conditions();
    return Promise.all(
      folders.watches.map(async ({ folder: { key, root }, space, state }) => {
        const own = usage.filter(({ folder }) => folder === key);
        return {
          key,
          path: root,
          state,
          text: conditions.find((condition) => condition.key === key)?.text ?? null,
          freeBytes: space?.free ?? null,
          totalBytes: space?.total ?? null,
          floorBytes: space && floorBytes(space.total, this.#floor),
          recordingBytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
          segments: own.reduce((sum, { segments }) => sum + segments, 0),
          oldest: await storage.call('folderBegin', { folder: key }),
        };
      }),
    );
  }

  /** Errors: those of StorageFolders.add. */
  async add(path: string): Promise<StorageFolderInfo> {
    const { key } = await this.#options.folders.add(path);
    const added = (await this.folders()).find((folder) => folder.key === key);
    if (!added) throw new CodedError('not-found', 'The folder was removed again.');
    return added;
  }

  /**
   * Not used any more; its files stay. With `forget` its recordings leave the index, and come back when the folder is added again.
   * Errors: `not-found`, `bad-request` for the data folder, `conflict` while recordings are in it.
   */
  async remove(key: FolderKey, forget: boolean): Promise<void> {
    const { storage, folders, remover, clock } = this.#options;
    const folder = folders.all.find((other) => other.key === key);
    if (!folder) throw new CodedError('not-found', `There is no storage folder ${key}.`);
    if (key === 0) throw new CodedError('bad-request', 'The data folder itself cannot be removed from Keyhole.');
    const bytes = (await storage.call('usage', {})).reduce((sum, row) => sum + (row.folder === key ? row.bytes : 0), 0);
    if (bytes > 0 && !forget)
      throw new CodedError(
        'conflict',
        `There are ${gigabytes(bytes)} of recordings in ${folder.root}: wait until they are too old to be kept, or have Keyhole forget them.`,
      );
    folders.retire(key);
    const because = {
      reason: 'deleted-by-person',
      text: `It was recorded in ${folder.root}, a folder that was taken out of Keyhole.`,
    } as const;
    for (;;) {
      const began = performance.now();
      const rows = await storage.call('inFolder', { folder: key, limit: BATCH });
      if (rows.length === 0) break;
      for (const camera of new Set(rows.map((row) => row.camera))) {
        const starts = rows.filter((row) => row.camera === camera).map(({ start }) => start);
        await remover.remove({ camera, starts, why: 'person', because, keepArchived: true, keepFiles: true });
      }
      await pauseAfter(clock, performance.now() - began);
    }
    await folders.remove(key);
  }

  get settings(): { readonly floor: StorageFloor | null } {
    return { floor: this.#floor };
  }

  async configure({ floor }: { floor: StorageFloor | null }): Promise<{ readonly floor: StorageFloor | null }> {
    await this.#options.storage.call('setSetting', { key: FLOOR_SETTING, value: floor && JSON.stringify(floor) });
    this.#floor = floor;
    this.retention.wake();
    return this.settings;
  }

  /** What each camera that is there keeps. */
  async usage(): Promise<readonly CameraUsage[]> {
    const { storage, clock } = this.#options;
    const now = Math.round(clock.now());
    const [usage, cameras] = await Promise.all([storage.call('usage', {}), storage.call('cameras', {})]);
    return Promise.all(
      cameras.map(async ({ key, id }) => {
        const bytes = usage.reduce((sum, row) => sum + (row.camera === key && row.folder !== null ? row.bytes : 0), 0);
        const oldest = await storage.call('cameraBegin', { camera: key });
        const recent = await storage.call('recordedSince', { camera: key, from: utcMs(now - DAY_MS) });
        // A camera that is younger than a day is not counted as if it had been silent before.
        const span = Math.min(DAY_MS, now - (oldest ?? now));
        const bytesPerDay = span < LEAST_RATE_MS ? null : Math.round((recent.bytes / span) * DAY_MS);
        return { camera: id, bytes, oldest, bytesPerDay };
      }),
    );
  }
}

function readFloor(text: string | null): StorageFloor | null {
  try {
    const parsed: unknown = text === null ? null : JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return null;
    if ('bytes' in parsed && typeof parsed.bytes === 'number') return { bytes: parsed.bytes };
    if ('percent' in parsed && typeof parsed.percent === 'number') return { percent: parsed.percent };
    return null;
  } catch {
    return null;
  }
}
