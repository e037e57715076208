import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, FolderKey } from '../contract/model.ts';
import { syncFolder } from '../segment/disk.ts';
import { segmentFile } from '../segment/names.ts';
import type { SegmentRegister } from '../segment/segment.ts';
import { scanSegment } from '../segment/segment-scan.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow, SegmentFileRow } from '../storage/interface.ts';
import { checkDay, daysOf, sizeOf, type DayPlace, type FoundFile } from './day-check.ts';
import type { StorageFolder, StorageFolders } from './folders.ts';
import { collectGarbage } from './garbage.ts';
import { checkMarker, isMarked } from './marker.ts';

/** Days of each camera that are looked at before the first recorder starts: what the last run left half done is in them. */
const RECENT_DAYS = 2;
/** Files of each camera that are scanned before the first recorder starts; what is older waits, it is not written to. */
const FIRST_FILES = 64;
/** Sizes are compared, at the start, of what began so short a time before a camera's newest file, milliseconds. */
const SIZES_WITHIN_MS = 2 * 3_600_000;
/** Files scanned at the same time: two keep a disk busy while one is parsed. */
const PARALLEL = 4;
/** Rows of lost files that go at a time: others wait for the database meanwhile. */
const ROWS_AT_ONCE = 200;
/** Set while the disk is still to be compared: `rebuild` after the index was made anew, `sizes` when asked for. Goes on at the next start. */
const UNDER_WAY = 'index.check';
const DAY_MS = 86_400_000;
const LOST = 'This time was recorded, but its file is missing from the disk or unreadable.';

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
  readonly #report = { added: 0, cut: 0, empty: 0, lost: 0, doubles: 0, unknownFolders: [] as string[] };
  readonly #known = new Set<FolderKey>();
  #rebuilding = false;
  #sizes = false;
  #progress: Progress | null = null;
  /** By camera: files that began before this may not be listed yet. */
  readonly #pending = new Map<CameraId, UtcMs>();
  #closed = false;
  #work: Promise<void> | null = null;

  /** @param options.busy whether a recorder has this file open; null: no recorder runs */
  constructor(options: RepairOptions & { readonly busy: ((path: string) => boolean) | null }) {
    this.#options = options;
  }

  get report(): RepairReport {
    return { ...this.#report };
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
    const { added, lost, unknownFolders } = this.#report;
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
    for (const folder of folders.all) {
      if (await checkMarker(storage, folder)) this.#known.add(folder.key);
      else this.#unknown(folder);
    }
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
    for (const place of places.reverse()) await this.#day(place, { newest: FIRST_FILES });
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
        if (await storage.call('camera', { id: place.camera.id })) await this.#day(place, { sizes: this.#sizes });
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

  async #day(place: DayPlace, how: { readonly newest?: number; readonly sizes?: boolean }): Promise<void> {
    const { storage, busy, log } = this.#options;
    try {
      const first = how.newest !== undefined;
      const lastStart = first ? await this.#lastStart(place) : 0;
      const sizesSince = how.sizes ? 0 : first ? lastStart - SIZES_WITHIN_MS : Infinity;
      const found = await checkDay({ storage, sizesSince, busy: first ? null : busy }, place);
      await this.#lose(place, found.lost);
      const files = [...found.changed.map(({ file, row }) => ({ file, row })), ...found.unlisted.map((file) => ({ file, row: null }))];
      const wanted = how.newest === undefined ? files : files.sort((a, b) => a.file.start - b.file.start).slice(-how.newest);
      await inParallel(wanted, ({ file, row }) => this.#file(place, file, row));
      for (const { file, row } of found.doubles) await this.#double(place, file, row);
    } catch (error) {
      log.warn('a day of recordings could not be compared with the index', {
        camera: place.camera.id,
        day: place.day,
        error: String(error),
      });
    }
  }

  #unknown({ key, root }: StorageFolder): void {
    this.#known.delete(key);
    if (this.#report.unknownFolders.includes(root)) return;
    this.#report.unknownFolders.push(root);
    this.#options.log.warn('a recordings folder is not the one this database knows: is a disk not mounted? No row is taken away', {
      folder: root,
    });
  }

  /** To be asked behind a look that found something missing: of a disk that went meanwhile everything is. */
  async #isThere(folder: StorageFolder): Promise<boolean> {
    const there = await isMarked(this.#options.storage, folder);
    if (!there) this.#unknown(folder);
    return there;
  }

  async #lastStart({ camera, day }: DayPlace): Promise<number> {
    const from = Date.parse(`${day}T00:00:00Z`);
    const { previous } = await this.#options.storage.call('around', { camera: camera.key, at: utcMs(from + DAY_MS) });
    return previous ?? from;
  }

  async #lose({ camera, folder, root }: DayPlace, rows: readonly SegmentFileRow[]): Promise<void> {
    if (rows.length === 0 || !(await this.#isThere({ key: folder, root }))) return;
    const { storage, register, log } = this.#options;
    let lost = 0;
    for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
      const starts = rows.slice(i, i + ROWS_AT_ONCE).map(({ start }) => start);
      await register.lost?.(camera.key, starts);
      lost += await storage.call('loseSegments', { camera: camera.key, folder, starts, text: LOST });
    }
    this.#report.lost += lost;
    if (lost > 0) log.warn('recordings that are listed are not on the disk', { camera: camera.id, files: lost, first: rows[0]?.start });
  }

  async #file(place: DayPlace, file: FoundFile, row: SegmentFileRow | null): Promise<void> {
    try {
      await this.#list(place, file, row);
    } catch (error) {
      // Deleted since the folder was read.
      if (errnoOf(error) === 'ENOENT') return;
      this.#options.log.warn('a recording could not be looked at', { file: file.path, error: String(error) });
    }
  }

  async #list({ camera, folder }: DayPlace, { path, start, origin }: FoundFile, row: SegmentFileRow | null): Promise<void> {
    const { storage, register, log } = this.#options;
    const { segment, wholeBytes, fileBytes } = await scanSegment(path, start);
    if (!segment) {
      if (row) {
        await register.lost?.(camera.key, [row.start]);
        await storage.call('loseSegments', { camera: camera.key, folder, starts: [start], text: LOST });
      }
      this.#report.empty += 1;
      await rename(path, `${path}.empty`);
      log.warn('a recording without one whole picture was put aside', { file: `${path}.empty`, bytes: fileBytes });
      return;
    }
    if (wholeBytes < fileBytes) {
      this.#report.cut += 1;
      log.info('the torn end of a recording was cut off', { file: path, bytes: fileBytes - wholeBytes });
    }
    await makeSafe(path, wholeBytes);
    // What the archive has is the file as it was: a changed one is not that any more.
    await register.list({ camera: camera.key, ...segment, folder, origin, archive: null, hash: null });
    if (!row) this.#report.added += 1;
  }

  /** Two files of one start: a picture that was replaced by the whole one, or a file that was moved to another folder when the power went. */
  async #double(place: DayPlace, file: FoundFile, row: SegmentFileRow): Promise<void> {
    const { storage, folders, log } = this.#options;
    const { camera, folder, root } = place;
    const other = row.folder === null ? null : folders.root(row.folder);
    // Its folder is not there: nothing is known of the other file.
    if (row.folder !== null && (other === null || !this.#known.has(row.folder))) return;
    const theirs = other && (await sizeOf(join(other, segmentFile(camera.id, row.start, row.origin))));
    if (theirs === null) {
      if (row.folder === null || other === null || (await this.#isThere({ key: row.folder, root: other })))
        await this.#file(place, file, null);
      return;
    }
    const mine = await sizeOf(file.path);
    if (mine === null) return;
    if (file.origin !== 'sub' && !(file.origin === row.origin && mine === theirs)) {
      log.warn('two recordings of the same time: the second is left where it is', { file: file.path });
      return;
    }
    const path = segmentFile(camera.id, file.start, file.origin);
    log.info('a recording is there twice: the second is deleted', { file: join(root, path) });
    await storage.call('addGarbage', { folder, path });
    this.#report.doubles += 1;
  }

  #tell(): void {
    const { added, cut, empty, lost, doubles, unknownFolders } = this.#report;
    if (added + cut + empty + lost + doubles > 0)
      this.#options.log.info('the index of recordings was repaired', { ...this.#report, unknownFolders: unknownFolders.length });
  }
}

/** Cut, fsync, fsync of the folder: the same order in which the writer ends a file. */
async function makeSafe(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    if ((await file.stat()).size > bytes) await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

async function inParallel<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const item of queue) await each(item);
    }),
  );
}

function tomorrow(day: string | undefined, atLeast: UtcMs | undefined): UtcMs {
  return utcMs(Math.max(Date.parse(`${day ?? '1970-01-01'}T00:00:00Z`) + DAY_MS, atLeast ?? 0));
}
