import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errnoOf } from '../base/errors.ts';
import type { Segment } from '../contract/model.ts';
import { boxesIn } from '../media/fmp4/boxes.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import type { FolderRoots } from '../segment/segment.ts';

/** Headers of files kept parsed: about 1 KB each. */
const MAX_HEADERS = 512;
/** Largest piece of a file that is read at once, bytes: a group of a minute at 8 Mbit/s. */
const MAX_READ_BYTES = 60 * 1024 * 1024;

/** Reads segments that only the archive has. */
export interface RemoteSegments {
  /** Exactly these bytes of the file as it was recorded. @throws CodedError `archive-unreachable`, `not-found` */
  read(segment: Segment, offset: number, bytes: number): Promise<Uint8Array>;
}

export interface SegmentHeader {
  readonly init: InitSegment;
  /** ftyp and moov as they are in the file. */
  readonly bytes: Uint8Array;
}

/** Reads pieces of segment files, and keeps the headers of those used last. */
export class SegmentReader {
  readonly counters = { reads: 0, bytes: 0, headers: 0 };
  readonly #roots: FolderRoots;
  readonly #remote: RemoteSegments | null;
  /** By file: a segment of the same camera and start may be another one by now. */
  readonly #headers = new Map<string, SegmentHeader>();

  /** @param remote reads what no storage folder has any more */
  constructor(roots: FolderRoots, remote: RemoteSegments | null = null) {
    this.#roots = roots;
    this.#remote = remote;
  }

  /** Errors: `not-found` when the file is gone or is not what the index says. */
  async header(segment: Segment): Promise<SegmentHeader> {
    const { file } = segment;
    const known = this.#headers.get(file);
    if (known) {
      this.#headers.delete(file);
      this.#headers.set(file, known);
      return known;
    }
    const bytes = await this.read(segment, 0, segment.keyframes[0]?.offset ?? 0);
    const init = parseInit(bytes);
    if (!init) throw damaged(segment);
    const header = { init, bytes };
    this.#headers.set(file, header);
    this.counters.headers += 1;
    const oldest = this.#headers.keys().next();
    if (this.#headers.size > MAX_HEADERS && !oldest.done) this.#headers.delete(oldest.value);
    return header;
  }

  /** Exactly these bytes of the file, in one read. Errors: `not-found`, `disk-failed`, `disk-slow`, and those of the archive. */
  async read(segment: Segment, offset: number, bytes: number): Promise<Uint8Array> {
    if (bytes <= 0 || bytes > MAX_READ_BYTES) throw damaged(segment);
    const { folder } = segment;
    const root = folder === null ? null : this.#roots.root(folder);
    if (folder === null || root === null) return this.#readRemote(segment, offset, bytes);
    const read = () => this.#readFile(root, segment, offset, bytes);
    try {
      return await (this.#roots.run ? this.#roots.run(folder, read) : read());
    } catch (error) {
      const failure = readFailure(error);
      if (!segment.archived || !this.#remote) throw failure;
      return this.#remote.read(segment, offset, bytes).catch(() => Promise.reject(failure));
    }
  }

  async #readFile(root: string, segment: Segment, offset: number, bytes: number): Promise<Uint8Array> {
    const file = await open(join(root, segment.file), 'r').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT')
        throw new CodedError('not-found', 'This time was recorded, but its file is missing from the disk.', { cause: error });
      throw error;
    });
    try {
      const buffer = new Uint8Array(bytes);
      const { bytesRead } = await file.read(buffer, 0, bytes, offset);
      if (bytesRead < bytes) throw damaged(segment);
      this.counters.reads += 1;
      this.counters.bytes += bytesRead;
      return buffer;
    } finally {
      await file.close();
    }
  }

  async #readRemote(segment: Segment, offset: number, bytes: number): Promise<Uint8Array> {
    if (!segment.archived || !this.#remote)
      throw new CodedError('not-found', 'This time was recorded, but the folder that holds it is not there: is a disk not connected?');
    return this.#remote.read(segment, offset, bytes);
  }
}

function readFailure(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError(
    'disk-failed',
    `This time was recorded, but its file cannot be read (${errnoOf(error) ?? String(error)}): look after the disk that holds it.`,
    { cause: error },
  );
}

export function damaged(segment: Segment): CodedError {
  return new CodedError(
    'not-found',
    `The recording ${segment.file} is shorter than the index says, or damaged. Keyhole mends its index at the next start.`,
  );
}

/** The fragments (`moof` and `mdat`, without the `prft` before) among the boxes of `bytes`, in order. */
export function* fragmentsIn(bytes: Uint8Array): Generator<Uint8Array> {
  let moof: number | null = null;
  let offset = 0;
  while (offset < bytes.length) {
    const box = boxesIn(bytes, offset).next().value;
    if (!box) return;
    if (box.type === 'moof') moof = box.start;
    else if (box.type === 'mdat' && moof !== null) {
      yield bytes.subarray(moof, box.end);
      moof = null;
    }
    offset = box.end;
  }
}
