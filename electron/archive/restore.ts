import type { Clock } from '../base/clock.ts';
import { asCoded } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { KnownArchive } from './book.ts';
import { decodeNotes, readObjectName } from './notes.ts';
import type { StoredObject } from './object-store.ts';
import { HEADER_BYTES, OpenedObject } from './sealed-object.ts';

/** Objects that are read at the same time. */
const AT_ONCE = 8;
/** Header and notes of usual length: one request. */
const FIRST_BYTES = HEADER_BYTES + 16_384;
/** Objects that cannot be opened are named in the log up to this many. */
const MAX_NAMED = 10;

export interface RestoreProgress {
  /** Objects of segments that were seen so far. */
  seen: number;
  /** Of those, rows that were put back, or learnt that the archive has a copy. */
  restored: number;
  /** Objects that cannot be opened: altered, or another key's. */
  unreadable: number;
}

export interface RestoreOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly archive: KnownArchive;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly progress: RestoreProgress;
}

/**
 * Makes the index know what the archive has: rows come from the objects themselves, cameras that nobody knows any more come back as removed
 * ones whose footage was kept. Running it again changes nothing. Throws what the archive says, and when told to stop.
 */
export async function restoreFromArchive(options: RestoreOptions): Promise<void> {
  const { storage, archive, signal } = options;
  const keys = new Map<string, CameraKey>();
  for (const { id, key } of await storage.call('cameras', { removed: true })) keys.set(id, key);
  const active = new Set<Promise<void>>();
  const failure: { error?: unknown } = {};
  for await (const object of archive.store.list('cam-', signal)) {
    if (failure.error !== undefined) break;
    if (!readObjectName(object.name)) continue;
    const one = restoreOne(options, keys, object)
      .catch((error: unknown) => void (failure.error ??= error))
      .finally(() => active.delete(one));
    active.add(one);
    if (active.size >= AT_ONCE) await Promise.race(active);
  }
  await Promise.all(active);
  if (failure.error !== undefined) throw failure.error;
}

async function restoreOne(
  { storage, archive, clock, log, signal, progress }: RestoreOptions,
  keys: Map<string, CameraKey>,
  object: StoredObject,
) {
  const name = readObjectName(object.name);
  if (!name) return;
  const start = utcMs(name.start);
  // What was deleted meanwhile does not come back.
  const isGarbage = () => storage.call('archiveIsGarbage', { ...name, start, archive: archive.number });
  if (await isGarbage()) return;
  progress.seen += 1;
  const known = keys.get(name.camera);
  const row =
    known === undefined
      ? undefined
      : (await storage.call('segmentFiles', { camera: known, from: start, to: utcMs(start + 1) })).find((found) => found.start === start);
  if (row?.archived) return;
  let notes;
  try {
    notes = await readNotes(archive, object, signal);
  } catch (error) {
    const { code } = asCoded(error);
    if (code !== 'not-found' && code !== 'key-unavailable') throw error;
    notes = null;
  }
  if (!notes || notes.camera.id !== name.camera || notes.segment.start !== name.start || notes.segment.origin !== name.origin) {
    progress.unreadable += 1;
    if (progress.unreadable <= MAX_NAMED) log.warn('an object of the archive cannot be opened', { object: object.name });
    return;
  }
  if (await isGarbage()) return;
  const camera =
    known ?? keys.get(name.camera) ?? (await storage.call('archiveCamera', { ...notes.camera, removedAt: utcMs(Math.round(clock.now())) }));
  keys.set(name.camera, camera);
  const { bytes, origin } = notes.segment;
  const { number } = archive;
  if (row) {
    // The file is here as well; another one of the same start is not what the archive has.
    if (row.bytes !== bytes || row.origin !== origin) return;
    await storage.call('archiveDone', { camera: name.camera, key: camera, start, origin, archive: number, bytes });
  } else await storage.call('insertSegment', { ...notes.segment, camera, folder: null, archive: number });
  progress.restored += 1;
}

async function readNotes({ store, key }: KnownArchive, { name, bytes }: StoredObject, signal: AbortSignal) {
  let head = await store.read(name, 0, Math.max(1, Math.min(FIRST_BYTES, bytes)), signal);
  const headBytes = OpenedObject.headBytes(head) ?? 0;
  if (headBytes > head.length) head = await store.read(name, 0, headBytes, signal);
  const opened = OpenedObject.open(key, name, head);
  // Cut off behind the notes: not a whole object.
  return opened.totalBytes === bytes ? decodeNotes(opened.notes) : null;
}
