import { open, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow, SegmentRow } from '../storage/interface.ts';
import { cameraFolder, readSegmentName, segmentFile } from '../segment/names.ts';
import type { FolderKey, SegmentOrigin, SegmentRegister } from '../segment/segment.ts';
import type { StorageFolder, StorageFolders } from './folders.ts';
import { collectGarbage } from './garbage.ts';
import { checkMarker } from './marker.ts';
import { syncFolder } from '../segment/disk.ts';
import { scanSegment } from '../segment/segment-scan.ts';

/** Folders looked at in each camera when nothing is known to be wrong: rows are written within seconds, so only the last can be missing. */
const RECENT_DAYS = 3;
const DAY_MS = 86_400_000;
/** Rows of one camera and day; a segment lasts about a minute. */
const MAX_ROWS = 100_000;

export interface RepairOptions {
  readonly storage: Pick<Storage, 'call' | 'report'>;
  readonly register: SegmentRegister;
  readonly folders: Pick<StorageFolders, 'all' | 'root'>;
  readonly log: Log;
  /** All days instead of the last ones: after the database was rebuilt, or when asked for. */
  readonly all?: boolean;
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
  /** Storage folders that are not there, or are not what this database knows: of these no row was taken away. */
  readonly unknownFolders: readonly string[];
}

/** Makes the index agree with the files. To be run before the first recorder starts. */
export async function repairIndex(options: RepairOptions): Promise<RepairReport> {
  const { storage, folders, log } = options;
  const all = options.all ?? (storage.report.setAside !== null || storage.report.created);
  const report: Counts = { added: 0, cut: 0, empty: 0, lost: 0, unknownFolders: [] };
  const known = new Set<FolderKey>();
  for (const folder of folders.all) {
    if (await checkMarker(storage, folder)) known.add(folder.key);
    else {
      report.unknownFolders = [...report.unknownFolders, folder.root];
      log.warn('a recordings folder is not the one this database knows: is a disk not mounted? No row is taken away', {
        folder: folder.root,
      });
    }
  }
  await collectGarbage(options);
  for (const camera of await storage.call('cameras', { removed: true })) {
    for (const folder of folders.all) {
      const days = (await list(join(folder.root, cameraFolder(camera.id)))).filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name)).sort();
      for (const day of all ? days : days.slice(-RECENT_DAYS)) await repairDay(options, camera, folder, day, report);
      if (known.has(folder.key)) await forgetLost(options, camera, folder, all ? null : (days.slice(-RECENT_DAYS)[0] ?? null), report);
    }
  }
  if (report.added + report.cut + report.empty + report.lost > 0)
    log.info('the index of recordings was repaired', { ...report, unknownFolders: report.unknownFolders.length });
  return report;
}

type Counts = { -readonly [K in keyof RepairReport]: RepairReport[K] };

async function repairDay(
  options: RepairOptions,
  camera: CameraRow,
  { key, root }: StorageFolder,
  day: string,
  report: Counts,
): Promise<void> {
  const { storage, log } = options;
  const from = Date.parse(`${day}T00:00:00Z`);
  const range = { camera: camera.key, from: utcMs(from), to: utcMs(from + DAY_MS), limit: MAX_ROWS };
  const rows = new Map((await storage.call('segmentsInRange', range)).map((row) => [Number(row.start), row]));
  for (const name of await list(join(root, cameraFolder(camera.id), day))) {
    const said = readSegmentName(name);
    if (!said || segmentFile(camera.id, said.start, said.origin) !== `${cameraFolder(camera.id)}/${day}/${name}`.replaceAll('\\', '/'))
      continue;
    const path = join(root, cameraFolder(camera.id), day, name);
    try {
      await repairFile(options, { camera, path, folder: key, ...said }, rows.get(said.start), report);
    } catch (error) {
      log.warn('a recording could not be looked at', { file: path, error: String(error) });
    }
  }
}

interface FoundFile {
  readonly camera: CameraRow;
  readonly path: string;
  readonly folder: FolderKey;
  readonly start: number;
  readonly origin: SegmentOrigin;
}

async function repairFile(
  { storage, register, log }: RepairOptions,
  { camera, path, folder, start, origin }: FoundFile,
  row: SegmentRow | undefined,
  report: Counts,
): Promise<void> {
  const { size } = await stat(path);
  if (row?.bytes === size) return;
  const { segment, wholeBytes, fileBytes } = await scanSegment(path, start);
  if (!segment) {
    if (row) await forget(storage, row);
    report.empty += 1;
    await rename(path, `${path}.empty`);
    log.warn('a recording without one whole picture was put aside', { file: `${path}.empty`, bytes: fileBytes });
    return;
  }
  if (wholeBytes < fileBytes) {
    report.cut += 1;
    log.info('the torn end of a recording was cut off', { file: path, bytes: fileBytes - wholeBytes });
  }
  await makeSafe(path, wholeBytes);
  await register.list({ camera: camera.key, ...segment, folder, origin, archive: row?.archive ?? null, hash: null });
  if (!row) report.added += 1;
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

/** Rows from the day `since` on (null: all) whose file is not there. */
async function forgetLost(
  { storage, log }: RepairOptions,
  camera: CameraRow,
  { key, root }: StorageFolder,
  since: string | null,
  report: Counts,
): Promise<void> {
  let from = since === null ? 0 : Date.parse(`${since}T00:00:00Z`);
  for (;;) {
    const rows = await storage.call('segmentsInRange', {
      camera: camera.key,
      from: utcMs(from),
      to: utcMs(Number.MAX_SAFE_INTEGER),
      limit: 5_000,
    });
    for (const row of rows) {
      if (row.folder !== key) continue;
      const file = segmentFile(camera.id, row.start, row.origin);
      if (await exists(join(root, file))) continue;
      log.warn('a recording that is listed is not on the disk', { file });
      await forget(storage, row);
      report.lost += 1;
    }
    const last = rows.at(-1);
    if (!last || rows.length < 5_000) return;
    from = last.start + 1;
  }
}

async function forget(storage: Pick<Storage, 'call'>, row: SegmentRow): Promise<void> {
  await storage.call('removeSegments', { camera: row.camera, from: row.start, to: utcMs(row.start + 1) });
  const text = 'This time was recorded, but its file is missing from the disk or unreadable.';
  await storage.call('addGap', { camera: row.camera, start: row.start, end: row.end, reason: 'file-lost', text });
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    // Any other failure (a disk that does not answer) is no proof that the file is gone.
    return errnoOf(error) !== 'ENOENT';
  }
}
