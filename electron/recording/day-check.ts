import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, FolderKey, SegmentOrigin } from '../contract/model.ts';
import { cameraFolder, readSegmentName, segmentFile } from '../segment/names.ts';
import type { CameraKey } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { SegmentFileRow } from '../storage/interface.ts';

const DAY_MS = 86_400_000;
/** Rows of one camera and day; the shortest segments last ten seconds. */
const MAX_ROWS = 100_000;
/** A file that is being written was written to not longer ago than this, milliseconds: a recorder ends one after ten seconds without a picture. */
const BEING_WRITTEN_MS = 120_000;

export interface SegmentPlace {
  readonly camera: { readonly id: CameraId; readonly key: CameraKey };
  readonly folder: FolderKey;
  /** Absolute path of what holds `recordings/`. */
  readonly root: string;
}

export interface DayPlace extends SegmentPlace {
  /** `2026-11-23` */
  readonly day: string;
}

export interface FoundFile {
  readonly path: string;
  readonly start: UtcMs;
  readonly origin: SegmentOrigin;
}

/** One day of a camera in one storage folder: where index and disk do not agree. */
export interface DayFindings {
  readonly files: number;
  readonly rows: number;
  /** Those that a row speaks of. */
  readonly good: readonly FoundFile[];
  /** No row speaks of them. In order. */
  readonly unlisted: readonly FoundFile[];
  /** The row of their start speaks of another file. */
  readonly doubles: readonly { readonly file: FoundFile; readonly row: SegmentFileRow }[];
  /** Of another size than their row says. Looked for only when asked. */
  readonly changed: readonly { readonly file: FoundFile; readonly row: SegmentFileRow; readonly bytes: number }[];
  /** Rows whose file is not there: each was looked for once more. */
  readonly lost: readonly SegmentFileRow[];
  /** Names in the folder that are not a segment's. */
  readonly foreign: readonly string[];
}

export interface DayCheckOptions {
  readonly storage: Pick<Storage, 'call'>;
  /** Compare sizes as well, of what began at this time or later: one look at each file. */
  readonly sizesSince?: number;
  /** Recorders are at work: what they have open or were just writing to is left out. */
  readonly busy?: ((path: string) => boolean) | null;
}

/** Names in the camera's folder that are days, oldest first. */
export async function daysOf({ camera, root }: SegmentPlace): Promise<string[]> {
  return (await namesIn(join(root, cameraFolder(camera.id)))).filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name)).sort();
}

/**
 * Names first, then rows, then notes of deletion: a segment that is listed or deleted meanwhile is seen in one of them. What is missing is
 * looked for once more at the end.
 */
export async function checkDay({ storage, sizesSince = Infinity, busy = null }: DayCheckOptions, place: DayPlace): Promise<DayFindings> {
  const { camera, folder, root, day } = place;
  const inside = `${cameraFolder(camera.id).replaceAll('\\', '/')}/${day}`;
  const names = await namesIn(join(root, inside));
  const from = Date.parse(`${day}T00:00:00Z`);
  const range = { camera: camera.key, from: utcMs(from), to: utcMs(from + DAY_MS), limit: MAX_ROWS };
  const rows = await storage.call('segmentFiles', range);
  let garbage: ReadonlySet<string> | null = null;
  const rowAt = new Map<number, SegmentFileRow>(rows.map((row) => [row.start, row]));
  const present = new Set(names);
  const found = {
    good: [] as FoundFile[],
    unlisted: [] as FoundFile[],
    doubles: [] as { file: FoundFile; row: SegmentFileRow }[],
    changed: [] as { file: FoundFile; row: SegmentFileRow; bytes: number }[],
    foreign: [] as string[],
  };
  let files = 0;
  for (const name of names) {
    const said = readSegmentName(name);
    if (!said || segmentFile(camera.id, said.start, said.origin) !== `${inside}/${name}`) {
      found.foreign.push(name);
      continue;
    }
    files += 1;
    const file: FoundFile = { path: join(root, inside, name), start: utcMs(said.start), origin: said.origin };
    const row = rowAt.get(said.start);
    if (row?.folder === folder && row.origin === said.origin) {
      found.good.push(file);
      if (row.start < sizesSince) continue;
      const bytes = await sizeOf(file.path);
      if (bytes !== null && bytes !== row.bytes) found.changed.push({ file, row, bytes });
      continue;
    }
    garbage ??= new Set(await storage.call('garbageUnder', { folder, prefix: `${inside}/` }));
    if (garbage.has(name) || (busy && (await beingWritten(file.path, busy)))) continue;
    if (row) found.doubles.push({ file, row });
    else found.unlisted.push(file);
  }
  const mine = rows.filter((row) => row.folder === folder);
  const lost: SegmentFileRow[] = [];
  for (const row of mine) {
    const name = segmentFile(camera.id, row.start, row.origin).slice(inside.length + 1);
    if (!present.has(name) && (await sizeOf(join(root, inside, name))) === null) lost.push(row);
  }
  for (const list of [found.good, found.unlisted]) list.sort((a, b) => a.start - b.start);
  return { files, rows: mine.length, ...found, lost };
}

/** Null when it is not there. Any other failure (a disk that does not answer) is no proof that it is gone, and is thrown. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** By either clock: one that was set between two writes makes a file look old once. */
async function beingWritten(path: string, busy: (path: string) => boolean): Promise<boolean> {
  if (busy(path)) return true;
  try {
    return Math.abs(Date.now() - (await stat(path)).mtimeMs) < BEING_WRITTEN_MS;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
