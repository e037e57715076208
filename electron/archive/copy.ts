import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errnoOf } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';
import type { CameraRow, NewSegment } from '../storage/interface.ts';
import { MARKER_FILE, RECORDINGS_DIR, segmentFile } from '../segment/names.ts';
import type { FolderRoots } from '../segment/segment.ts';
import type { KnownArchive } from './book.ts';
import { encodeNotes, objectName } from './notes.ts';
import type { Pace } from './pace.ts';
import { altered, CHUNK_BYTES, ObjectSealer, OpenedObject } from './sealed-object.ts';

/** Read from the disk at once. */
const READ_BYTES = 16 * CHUNK_BYTES;

export interface CopySource {
  readonly camera: Pick<CameraRow, 'id' | 'name'> & { readonly createdAt: UtcMs };
  readonly segment: NewSegment;
  readonly folders: FolderRoots;
}

/**
 * `copied`: the object is complete, and was looked at. `gone`: there is no such file to copy. `away`: its folder is not connected, or the file cannot
 * be read now.
 */
export type CopyResult = 'copied' | 'gone' | 'away';

/**
 * Copies one segment's file into the archive, encrypted, a few MiB in memory. An object that the archive says is complete is looked at
 * before it is believed: its length, and its last chunk. Throws what the archive says.
 */
export async function copySegment(source: CopySource, archive: KnownArchive, pace: Pace, signal: AbortSignal): Promise<CopyResult> {
  const { camera, segment, folders } = source;
  const { folder, start, origin, bytes } = segment;
  if (folder === null) return 'gone';
  const root = folders.root(folder);
  if (root === null) return 'away';
  const path = join(root, segmentFile(camera.id, start, origin));
  // A disk that does not answer is given up, and the copy with it.
  const onDisk = <T>(operation: () => Promise<T>) => (folders.run ? folders.run(folder, operation) : operation());
  const read = (position: number) => onDisk(() => readPiece(path, bytes, position));
  let first: Uint8Array;
  try {
    first = await read(0);
  } catch (error) {
    // Another length than the row's: it is being mended, and will be listed anew.
    if (error instanceof OtherLength) return 'gone';
    if (errnoOf(error) !== 'ENOENT') return 'away';
    // Without the mark it is the disk that is gone, and not the file.
    return onDisk(() => stat(join(root, RECORDINGS_DIR, MARKER_FILE))).then(
      () => 'gone',
      () => 'away',
    );
  }
  const name = objectName(camera.id, start, origin);
  const notes = encodeNotes({ camera: { id: camera.id, name: camera.name, createdAt: camera.createdAt }, segment });
  const sealer = new ObjectSealer(archive.key, name, bytes, notes);
  const reading: { error?: unknown } = {};
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield sealer.head;
    for (let piece = first, position = 0; ;) {
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) yield sealer.chunk(piece.subarray(at, at + CHUNK_BYTES));
      position += piece.length;
      if (position >= bytes) return;
      piece = await read(position).catch((error: unknown) => {
        reading.error = error;
        throw error;
      });
    }
  }
  try {
    await archive.store.put(name, sealer.totalBytes, pieces(), { signal, pace });
  } catch (error) {
    // The disk that is read from failed, not the archive.
    if (reading.error !== undefined) return 'away';
    throw error;
  }
  await lookAt(archive, name, sealer, signal);
  return 'copied';
}

class OtherLength extends Error {}

/** Opened for each piece: one that is given up keeps no file open. */
async function readPiece(path: string, fileBytes: number, position: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    if ((await file.stat()).size !== fileBytes) throw new OtherLength('the file has another length than its row says');
    const piece = new Uint8Array(Math.min(READ_BYTES, fileBytes - position));
    for (let filled = 0; filled < piece.length;) {
      const { bytesRead } = await file.read(piece, filled, piece.length - filled, position + filled);
      if (bytesRead === 0) throw new OtherLength('the file became shorter while it was read');
      filled += bytesRead;
    }
    return piece;
  } finally {
    await file.close();
  }
}

/** What was put there is there: as long as it should be, and its end opens. */
async function lookAt({ store, key }: KnownArchive, name: string, sealer: ObjectSealer, signal: AbortSignal): Promise<void> {
  const opened = OpenedObject.open(key, name, sealer.head);
  const last = opened.chunkRange(opened.chunks - 1, opened.chunks - 1);
  try {
    const end = await store.read(name, last.from, last.to - last.from + 1, signal);
    if (end.length !== last.to - last.from) throw altered(name);
    opened.openChunks(last, end);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'not-found') throw error;
    throw new CodedError('archive-refused', `The archive ${store.where} said that it took a recording, but does not give it back whole.`, {
      cause: error,
    });
  }
}
