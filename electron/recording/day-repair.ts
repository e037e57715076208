import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { syncFolder } from '../segment/disk.ts';
import { segmentFile } from '../segment/names.ts';
import type { SegmentRegister } from '../segment/segment.ts';
import { scanSegment } from '../segment/segment-scan.ts';
import type { Storage } from '../storage/client.ts';
import type { SegmentFileRow } from '../storage/interface.ts';
import { checkDay, sizeOf, type DayPlace, type FoundFile } from './day-check.ts';
import type { StorageFolders } from './folders.ts';
import type { KnownFolders } from './known-folders.ts';

/** Sizes are compared, at the start, of what began so short a time before a camera's newest file, milliseconds. */
const SIZES_WITHIN_MS = 2 * 3_600_000;
/** Files scanned at the same time: two keep a disk busy while one is parsed. */
const PARALLEL = 4;
/** Rows of lost files that go at a time: others wait for the database meanwhile. */
const ROWS_AT_ONCE = 200;
const DAY_MS = 86_400_000;
const LOST = 'This time was recorded, but its file is missing from the disk or unreadable.';

export interface DayRepairOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly register: SegmentRegister;
  readonly folders: Pick<StorageFolders, 'root'>;
  readonly known: KnownFolders;
  readonly log: Log;
  /** Whether a recorder has this file open; null: no recorder runs. */
  readonly busy: ((path: string) => boolean) | null;
}

/** Makes the index agree with the files of a day: lists what is not listed, cuts torn ends, takes out rows of files that are gone. */
export class DayRepair {
  readonly report = { added: 0, cut: 0, empty: 0, lost: 0, doubles: 0 };
  readonly #options: DayRepairOptions;

  constructor(options: DayRepairOptions) {
    this.#options = options;
  }

  /**
   * Makes the index agree with one folder of one day; what cannot be looked at is said, and left as it is.
   * @param how.newest no recorder runs, and of unlisted files so many, the newest, are enough
   * @param how.sizes compare the size of every file with its row's, and not only of the newest
   */
  async day(place: DayPlace, how: { readonly newest?: number; readonly sizes?: boolean }): Promise<void> {
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

  async #lastStart({ camera, day }: DayPlace): Promise<number> {
    const from = Date.parse(`${day}T00:00:00Z`);
    const { previous } = await this.#options.storage.call('around', { camera: camera.key, at: utcMs(from + DAY_MS) });
    return previous ?? from;
  }

  async #lose({ camera, folder, root }: DayPlace, rows: readonly SegmentFileRow[]): Promise<void> {
    if (rows.length === 0 || !(await this.#options.known.isStillThere({ key: folder, root }))) return;
    const { storage, register, log } = this.#options;
    let lost = 0;
    for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
      const starts = rows.slice(i, i + ROWS_AT_ONCE).map(({ start }) => start);
      await register.lost?.(camera.key, starts);
      lost += await storage.call('loseSegments', { camera: camera.key, folder, starts, text: LOST });
    }
    this.report.lost += lost;
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
      this.report.empty += 1;
      await rename(path, `${path}.empty`);
      log.warn('a recording without one whole picture was put aside', { file: `${path}.empty`, bytes: fileBytes });
      return;
    }
    if (wholeBytes < fileBytes) {
      this.report.cut += 1;
      log.info('the torn end of a recording was cut off', { file: path, bytes: fileBytes - wholeBytes });
    }
    await makeSafe(path, wholeBytes);
    // What the archive has is the file as it was: a changed one is not that any more.
    await register.list({ camera: camera.key, ...segment, folder, origin, archive: null, hash: null });
    if (!row) this.report.added += 1;
  }

  /** Two files of one start: a picture that was replaced by the whole one, or a file that was moved to another folder when the power went. */
  async #double(place: DayPlace, file: FoundFile, row: SegmentFileRow): Promise<void> {
    const { storage, folders, log } = this.#options;
    const { camera, folder, root } = place;
    const other = row.folder === null ? null : folders.root(row.folder);
    // Its folder is not there: nothing is known of the other file.
    if (row.folder !== null && (other === null || !this.#options.known.has(row.folder))) return;
    const theirs = other && (await sizeOf(join(other, segmentFile(camera.id, row.start, row.origin))));
    if (theirs === null) {
      if (row.folder === null || other === null || (await this.#options.known.isStillThere({ key: row.folder, root: other })))
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
    this.report.doubles += 1;
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
