import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { utcMs } from '../base/units.ts';
import { checkDay, daysOf, type DayPlace, type FoundFile } from '../recording/day-check.ts';
import type { StorageFolder } from '../recording/folders.ts';
import { MARKER_FILE, RECORDINGS_DIR, segmentFile } from '../segment/names.ts';
import type { NewSegment } from '../segment/segment.ts';
import { scanSegment } from '../segment/segment-scan.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow, SegmentFileRow } from '../storage/interface.ts';
import { Places, result, type CheckResult } from './report.ts';

/** Files of each camera that are scanned when not all are: the newest, and others by chance. */
const SAMPLE = 20;
const DAY_MS = 86_400_000;
/** By how much a scanned file may end elsewhere than its row says, milliseconds: the writer knows when the next one begins. */
const END_TOLERANCE_MS = 2_000;
const REPAIR = 'Run `keyhole doctor --repair` and restart Keyhole: it makes its index agree with the disk.';

export interface FilesOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly cameras: readonly CameraRow[];
  /** Those that are there and marked. */
  readonly folders: readonly StorageFolder[];
  /** The app runs: what it is writing has no row yet. */
  readonly running: boolean;
  /** Scan every file. */
  readonly deep: boolean;
  readonly random: () => number;
}

/** Every row has its file, of the right size; every file has its row; what is in the files is what the rows say. */
export async function checkFiles(options: FilesOptions): Promise<CheckResult> {
  const { storage, cameras, folders, running, deep } = options;
  const missing = new Places(
    'file-missing',
    'problem',
    (n) => `${n} listed recording(s) have no file.`,
    `If a disk is not connected, connect it. ${REPAIR}`,
  );
  const unlisted = new Places('file-unlisted', 'problem', (n) => `${n} file(s) of recordings are not in the index.`, REPAIR);
  const size = new Places('file-size', 'problem', (n) => `${n} file(s) are not as long as the index says.`, REPAIR);
  const double = new Places('file-double', 'problem', (n) => `${n} recording(s) are there twice.`, REPAIR);
  const empty = new Places('file-empty', 'note', (n) => `${n} file(s) without one whole picture were put aside.`, 'They may be deleted.');
  const foreign = new Places('file-foreign', 'note', (n) => `${n} file(s) among the recordings are not Keyhole's. They are left alone.`);
  const stranger = new Places('camera-unknown', 'note', (n) => `${n} folder(s) hold recordings of cameras that the index does not know.`);
  const scans = new Scans(storage);
  let files = 0;
  let rows = 0;
  for (const folder of folders) {
    const known = new Set(cameras.map(({ id }) => id));
    const garbage = new Set(await storage.call('garbageUnder', { folder: folder.key, prefix: `${RECORDINGS_DIR}/` }));
    for (const name of await namesIn(join(folder.root, RECORDINGS_DIR)))
      if (/^cam-[a-z0-9]+$/.test(name) && !known.has(name) && !garbage.has(name)) stranger.add(join(folder.root, RECORDINGS_DIR, name));
      else if (!known.has(name) && !garbage.has(name) && name !== MARKER_FILE) foreign.add(join(folder.root, RECORDINGS_DIR, name));
    for (const camera of cameras) {
      const place = { camera, folder: folder.key, root: folder.root };
      const days = [...(await allDays(storage, place))].sort();
      for (const day of days) {
        const found = await checkDay({ storage, sizesSince: 0, busy: running ? () => false : null }, { ...place, day });
        files += found.files;
        rows += found.rows;
        const lost = running ? await stillListed(storage, camera, found.lost) : found.lost;
        missing.add(...lost.map((row) => segmentFile(camera.id, row.start, row.origin)));
        unlisted.add(...found.unlisted.map(({ path }) => path));
        size.add(...found.changed.map(({ file, row, bytes }) => `${file.path}: ${bytes} bytes, not ${row.bytes}`));
        double.add(...found.doubles.map(({ file }) => file.path));
        for (const name of found.foreign)
          (name.endsWith('.empty') ? empty : foreign).add(join(folder.root, RECORDINGS_DIR, camera.id, day, name));
        const wrong = new Set(found.changed.map(({ file }) => file.path));
        const good = found.good.filter(({ path }) => !wrong.has(path));
        const chosen = deep ? good : sample(good, day === days.at(-1), days.length, options.random);
        await scans.look({ ...place, day }, chosen);
      }
    }
  }
  const summary = `${rows} recordings in the index, ${files} files, ${scans.count} of them read`;
  const findings = [missing, unlisted, size, double, scans.unreadable, scans.differs, stranger, empty, foreign];
  return result(
    'files',
    summary,
    findings.flatMap((places) => places.finding()),
  );
}

/** A running app deletes rows first, then files. */
async function stillListed(storage: Pick<Storage, 'call'>, camera: CameraRow, rows: readonly SegmentFileRow[]): Promise<SegmentFileRow[]> {
  const listed: SegmentFileRow[] = [];
  for (const row of rows) {
    const [now] = await storage.call('segmentFiles', { camera: camera.key, from: row.start, to: utcMs(row.start + 1), limit: 1 });
    if (now?.folder === row.folder && now.origin === row.origin) listed.push(row);
  }
  return listed;
}

/** Days of files and of rows. */
async function allDays(storage: Pick<Storage, 'call'>, place: Omit<DayPlace, 'day'>): Promise<Set<string>> {
  const days = new Set(await daysOf(place));
  for (let from = utcMs(0); ;) {
    const [row] = await storage.call('segmentFiles', {
      camera: place.camera.key,
      from,
      to: utcMs(Number.MAX_SAFE_INTEGER),
      limit: 1,
    });
    if (!row) return days;
    const midnight = Math.floor(row.start / DAY_MS) * DAY_MS;
    days.add(new Date(midnight).toISOString().slice(0, 10));
    from = utcMs(midnight + DAY_MS);
  }
}

function sample(files: readonly FoundFile[], newest: boolean, days: number, random: () => number): FoundFile[] {
  if (newest) return files.slice(-SAMPLE);
  const share = SAMPLE / Math.max(1, days) / Math.max(1, files.length);
  return files.filter(() => random() < share);
}

/** Reads files and compares them with their rows. */
class Scans {
  readonly unreadable = new Places('file-unreadable', 'problem', (n) => `${n} file(s) of recordings are damaged.`, REPAIR);
  readonly differs = new Places('file-differs', 'problem', (n) => `${n} file(s) hold something else than the index says.`, REPAIR);
  count = 0;
  readonly #storage: Pick<Storage, 'call'>;

  constructor(storage: Pick<Storage, 'call'>) {
    this.#storage = storage;
  }

  async look({ camera }: DayPlace, files: readonly FoundFile[]): Promise<void> {
    for (const { path, start } of files) {
      try {
        const { segment, wholeBytes, fileBytes } = await scanSegment(path, start);
        this.count += 1;
        const row = await this.#storage.call('locate', { camera: camera.key, at: start });
        // Deleted meanwhile.
        if (row?.start !== start) continue;
        if (!segment || wholeBytes < fileBytes) this.unreadable.add(path);
        else if (!same(segment, row)) this.differs.add(path);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') this.unreadable.add(`${path}: ${String(error)}`);
      }
    }
  }
}

function same(found: Pick<NewSegment, 'end' | 'codec' | 'keyframes'>, row: NewSegment): boolean {
  return (
    found.codec === row.codec &&
    Math.abs(found.end - row.end) <= END_TOLERANCE_MS &&
    found.keyframes.length === row.keyframes.length &&
    found.keyframes.every((keyframe, i) => {
      const listed = row.keyframes[i];
      return listed?.offset === keyframe.offset && listed.bytes === keyframe.bytes && Math.abs(listed.at - keyframe.at) <= 1;
    })
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
