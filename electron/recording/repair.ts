import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId } from '../contract/model.ts';
import type { SegmentRegister } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { daysOf, type DayPlace } from './day-check.ts';
import { DayRepair } from './day-repair.ts';
import type { StorageFolders } from './folders.ts';
import { collectGarbage } from './garbage.ts';
import { KnownFolders } from './known-folders.ts';

/** Days of each camera that are looked at before the first recorder starts: what the last run left half done is in them. */
const RECENT_DAYS = 2;
/** Files of each camera that are scanned before the first recorder starts; what is older waits, it is not written to. */
const FIRST_FILES = 64;
/** Set while the disk is still to be compared: `rebuild` after the index was made anew, `sizes` when asked for. Goes on at the next start. */
const UNDER_WAY = 'index.check';
const DAY_MS = 86_400_000;

export interface RepairOptions {
  readonly storage: Pick<Storage, 'call' | 'report'>;
  readonly register: SegmentRegister;
  readonly folders: Pick<StorageFolders, 'all' | 'root'>;
  readonly log: Log;
  /** Compare the size of every file with its row's, and not only of the newest. */
  readonly all?: boolean;
  /** Of a folder that came back: what the store as a whole has under way is not touched. */
  readonly part?: boolean;
}

export interface RepairReport {
  /** Files that had no row and have one now. */
  readonly added: number;
  /** Of those and of the listed ones, files whose torn end was cut off. */
  readonly cut: number;
  /** Files without one whole picture, renamed to `….empty`. */
  readonly empty: number;
  /** Rows whose file is gone. */
  readonly lost: number;
  /** Files that were another's double, noted for deletion. */
  readonly doubles: number;
  /** Storage folders that are not there, or are not what this database knows: of these no row was taken away. */
  readonly unknownFolders: readonly string[];
}

interface Progress {
  /** Days of all cameras and folders, and those that are done. */
  readonly days: number;
  done: number;
}

/** Makes the index agree with the files, all of it, while no recorder runs. */
export async function repairIndex(options: RepairOptions): Promise<RepairReport> {
  const repair = new IndexRepair({ ...options, busy: null });
  await repair.before();
  await repair.rest();
  await collectGarbage(options);
  return repair.report;
}

/**
 * Makes the index agree with the files: what was being written when the last run ended before the first recorder starts, the rest, newest
 * days first, while they record. A rebuilt index of a big store takes hours, and none of it is a reason not to record.
 */
export class IndexRepair {
  readonly #options: RepairOptions & { readonly busy: ((path: string) => boolean) | null };
  readonly #known: KnownFolders;
  readonly #days: DayRepair;
  #rebuilding = false;
  #sizes = false;
  #progress: Progress | null = null;
  /** By camera: files that began before this may not be listed yet. */
  readonly #pending = new Map<CameraId, UtcMs>();
  #closed = false;
  #work: Promise<void> | null = null;

  /** @param options.busy whether a recorder has this file open; null: no recorder runs */
  constructor(options: RepairOptions & { readonly busy: ((path: string) => boolean) | null }) {
    const { storage, register, folders, log, busy } = options;
    this.#options = options;
    this.#known = new KnownFolders(storage, log);
    this.#days = new DayRepair({ storage, register, folders, known: this.#known, log, busy });
  }

  get report(): RepairReport {
    return { ...this.#days.report, unknownFolders: this.#known.unknown };
  }

  /** How far the rebuilding of the index is; null while nothing is rebuilt. */
  get progress(): Progress | null {
    return this.#rebuilding ? this.#progress : null;
  }

  /** Footage of this camera before this time is perhaps there and not listed yet; null: all there is is listed. */
  pendingBefore(camera: CameraId): UtcMs | null {
    return this.#rebuilding ? (this.#pending.get(camera) ?? null) : null;
  }

  /** What the user should know of how the last run ended, and of how far the rebuilding is. */
  notices(): string[] {
    const { setAside } = this.#options.storage.report;
    const { added, lost, unknownFolders } = this.report;
    const notices: string[] = [];
    if (setAside) notices.push(`The index was damaged. It was set aside as ${setAside} and made anew from its copy and the recordings.`);
    if (this.#rebuilding && this.#progress)
      notices.push(`The index is being made anew, newest days first: ${this.#progress.done} of ${this.#progress.days} days are done.`);
    for (const folder of unknownFolders)
      notices.push(
        `The recordings in ${folder} are not those that this index belongs to. Is a disk not mounted? Nothing was taken out of the index.`,
      );
    if (added > 0 && !setAside)
      notices.push(`Keyhole did not close properly the last time. ${added} recording(s) were put back into the index.`);
    if (lost > 0) notices.push(`${lost} recording(s) of the index have no file any more.`);
    return notices;
  }

  /** To be awaited before the first recorder starts. Bounded: some dozens of files a camera. */
  async before(): Promise<void> {
    const { storage, folders } = this.#options;
    for (const folder of folders.all) await this.#known.check(folder);
    await collectGarbage({ ...this.#options, filesOnly: true });
    if (!this.#options.part) await this.#goOn();
    else this.#sizes = this.#options.all === true;
    const places: DayPlace[] = [];
    for (const place of await this.#places()) {
      const days = await daysOf(place);
      if (days.length > 0) this.#pending.set(place.camera.id, tomorrow(days.at(-1), this.#pending.get(place.camera.id)));
      for (const day of days.slice(-RECENT_DAYS)) places.push({ ...place, day });
    }
    if (this.#sizes && !this.#options.part && places.length > 0)
      await storage.call('setSetting', { key: UNDER_WAY, value: this.#rebuilding ? 'rebuild' : 'sizes' });
    for (const place of places.reverse()) await this.#days.day(place, { newest: FIRST_FILES });
    this.#tell();
  }

  /** With what a run before did not get through, or what the state of the database asks for. */
  async #goOn(): Promise<void> {
    const { storage, all } = this.#options;
    const { setAside, created, checked } = storage.report;
    const underWay = await storage.call('setting', { key: UNDER_WAY });
    this.#rebuilding = setAside !== null || created || underWay === 'rebuild';
    this.#sizes = this.#rebuilding || all === true || checked || underWay !== null;
  }

  /** The rest in the background. Idempotent. Resolves when it is done, or given up. */
  start(): Promise<void> {
    this.#work ??= this.rest().catch((error: unknown) =>
      this.#options.log.warn('the index could not be compared with the disk: it is tried again at the next start', {
        error: String(error),
      }),
    );
    return this.#work;
  }

  /** Ends after the day that is being looked at. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
  }

  /** All days, newest first, of all cameras alike. Resolves when the last is done. */
  async rest(): Promise<void> {
    const { storage } = this.#options;
    while (this.#rebuilding && (await storage.call('dropStrayRows', {})) > 0) if (this.#closed) return;
    const days = new Map<string, DayPlace[]>();
    const places = await this.#places();
    for (const place of places)
      for (const day of await this.#daysToCheck(place)) days.set(day, [...(days.get(day) ?? []), { ...place, day }]);
    const all = [...days.entries()].sort(([a], [b]) => (a < b ? 1 : -1));
    const progress: Progress = { days: all.reduce((sum, [, list]) => sum + list.length, 0), done: 0 };
    this.#progress = progress;
    for (const [day, list] of all) {
      for (const place of list) {
        if (this.#closed) return;
        // Removed with its recordings meanwhile: its files are on their way out.
        if (await storage.call('camera', { id: place.camera.id })) await this.#days.day(place, { sizes: this.#sizes });
        progress.done += 1;
      }
      for (const { camera } of places) this.#pending.set(camera.id, utcMs(Date.parse(`${day}T00:00:00Z`)));
    }
    this.#pending.clear();
    if (this.#sizes && !this.#options.part) await storage.call('setSetting', { key: UNDER_WAY, value: null });
    this.#rebuilding = false;
    this.#tell();
  }

  async #places() {
    const cameras = await this.#options.storage.call('cameras', { removed: true });
    const known = this.#options.folders.all.filter(({ key }) => this.#known.has(key));
    return cameras.flatMap((camera) => known.map(({ key, root }) => ({ camera, folder: key, root })));
  }

  /** Days on the disk and days of rows: the folder of a whole day may be gone. */
  async #daysToCheck(place: Omit<DayPlace, 'day'> & { camera: CameraRow }): Promise<Iterable<string>> {
    const days = new Set(await daysOf(place));
    const { storage } = this.#options;
    const to = utcMs(Number.MAX_SAFE_INTEGER);
    for (let from = utcMs(0); ;) {
      const [row] = await storage.call('segmentFiles', { camera: place.camera.key, from, to, limit: 1 });
      if (!row) return days;
      const midnight = Math.floor(row.start / DAY_MS) * DAY_MS;
      days.add(new Date(midnight).toISOString().slice(0, 10));
      from = utcMs(midnight + DAY_MS);
    }
  }

  #tell(): void {
    const { added, cut, empty, lost, doubles, unknownFolders } = this.report;
    if (added + cut + empty + lost + doubles > 0)
      this.#options.log.info('the index of recordings was repaired', { ...this.report, unknownFolders: unknownFolders.length });
  }
}

function tomorrow(day: string | undefined, atLeast: UtcMs | undefined): UtcMs {
  return utcMs(Math.max(Date.parse(`${day ?? '1970-01-01'}T00:00:00Z`) + DAY_MS, atLeast ?? 0));
}
