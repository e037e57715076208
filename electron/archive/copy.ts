import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errnoOf } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';
import type { CameraRow, NewSegment } from '../storage/interface.ts';
import { segmentFile } from '../segment/names.ts';
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

/** `copied`: the object is complete, and was looked at. `gone`: there is no such file to copy. `away`: its folder cannot be read now. */
export type CopyResult = 'copied' | 'gone' | 'away';

/**
 * Copies one segment's file into the archive, encrypted, a few MiB in memory. An object that the archive says is complete is looked at
 * before it is believed: its length, and its last chunk. Throws what the archive says.
 */
export async function copySegment(source: CopySource, archive: KnownArchive, pace: Pace, signal: AbortSignal): Promise<CopyResult> {
  const { camera, segment, folders } = source;
  const root = segment.folder === null ? null : folders.root(segment.folder);
  if (root === null) return segment.folder === null ? 'gone' : 'away';
  let file: FileHandle;
  try {
    file = await open(join(root, segmentFile(camera.id, segment.start, segment.origin)), 'r');
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'gone' : 'away';
  }
  try {
    // Another length than the row's: it is being mended, and will be listed anew.
    if ((await file.stat()).size !== segment.bytes) return 'gone';
    const name = objectName(camera.id, segment.start, segment.origin);
    const notes = encodeNotes({ camera: { id: camera.id, name: camera.name, createdAt: camera.createdAt }, segment });
    const sealer = new ObjectSealer(archive.key, name, segment.bytes, notes);
    const reading: { error?: unknown } = {};
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield sealer.head;
      const buffer = new Uint8Array(Math.min(READ_BYTES, segment.bytes));
      for (let position = 0; position < segment.bytes;) {
        const wanted = Math.min(buffer.length, segment.bytes - position);
        const read = await readWhole(file, buffer, wanted, position).catch((error: unknown) => {
          reading.error = error;
          throw error;
        });
        for (let at = 0; at < wanted; at += CHUNK_BYTES) yield sealer.chunk(read.subarray(at, Math.min(at + CHUNK_BYTES, wanted)));
        position += wanted;
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
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, buffer: Uint8Array, wanted: number, position: number): Promise<Uint8Array> {
  for (let filled = 0; filled < wanted;) {
    const { bytesRead } = await file.read(buffer, filled, wanted - filled, position + filled);
    if (bytesRead === 0) throw new Error('the file became shorter while it was read');
    filled += bytesRead;
  }
  return buffer.subarray(0, wanted);
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
