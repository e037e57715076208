import type { Clock } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import { firstOf } from '../base/first-of.ts';
import type { Segment } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import type { ArchiveBook, KnownArchive } from './book.ts';
import { ChunkCache } from './chunk-cache.ts';
import { decodeNotes, objectName } from './notes.ts';
import { altered, CHUNK_BYTES, HEADER_BYTES, OpenedObject, TAG_BYTES } from './sealed-object.ts';

/** The first request of an object: header, notes of usual length, and the first chunk, which holds the header of the MP4. */
const FIRST_BYTES = HEADER_BYTES + 8_192 + CHUNK_BYTES + TAG_BYTES;
const CACHED_BYTES = 16 * 1024 * 1024;
/** Chunks of larger reads are not kept: they would push out all others. */
const CACHED_CHUNKS_A_READ = 64;
const OPEN_OBJECTS = 256;
const MAX_ACTIVE = 4;
const MAX_WAITING = 64;
/** A person waits for it. */
const PATIENCE_MS = 15_000;
/** An archive that just did not answer is not asked again for so long. */
const REST_MS = 3_000;

export interface ReaderOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly book: Pick<ArchiveBook, 'at'>;
  readonly clock: Clock;
}

interface OpenObject {
  readonly archive: KnownArchive;
  readonly name: string;
  readonly opened: OpenedObject;
}

/** Reads pieces of segments that only the archive has: one ranged request of just the chunks that hold them, decrypted. */
export class ArchiveReader {
  readonly counters = { reads: 0, requests: 0, bytes: 0, cached: 0, failures: 0 };
  readonly #options: ReaderOptions;
  readonly #cache = new ChunkCache(CACHED_BYTES);
  readonly #objects = new Map<string, OpenObject>();
  readonly #resting = new Map<number, { readonly until: number; readonly error: CodedError }>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * Exactly these bytes of the file as it was recorded. Errors: `archive-unreachable`, `archive-refused`, `not-found` for what is not there or was
   * altered, `key-unavailable`, `too-busy`.
   */
  async read(segment: Segment, offset: number, bytes: number): Promise<Uint8Array> {
    this.counters.reads += 1;
    await this.#begin();
    try {
      try {
        return await this.#read(segment, offset, bytes);
      } catch (error) {
        // The object may have been put there anew since it was opened.
        if (!this.#objects.delete(objectKey(segment)) || asCoded(error).code !== 'not-found') throw error;
        return await this.#read(segment, offset, bytes);
      }
    } catch (error) {
      this.counters.failures += 1;
      throw error;
    } finally {
      this.#active -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #begin(): Promise<void> {
    if (this.#active >= MAX_ACTIVE) {
      if (this.#waiting.length >= MAX_WAITING)
        throw new CodedError('too-busy', 'Too much is read from the archive at the same time: try again in a moment.');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#active += 1;
  }

  async #read(segment: Segment, offset: number, bytes: number): Promise<Uint8Array> {
    const object = await this.#object(segment);
    const { first, last } = object.opened.range(offset, bytes);
    const chunks: (Uint8Array | undefined)[] = [];
    for (let index = first; index <= last; index++) chunks.push(this.#cache.get(cacheKey(object), index));
    const from = chunks.findIndex((chunk) => !chunk);
    if (from >= 0) {
      const to = chunks.findLastIndex((chunk) => !chunk);
      const missing = await this.#fetch(object, first + from, first + to);
      chunks.splice(from, missing.length, ...missing);
    } else this.counters.cached += 1;
    const out = new Uint8Array(bytes);
    let filled = 0;
    for (const [i, chunk] of chunks.entries()) {
      if (!chunk) throw altered(object.name);
      const begin = i === 0 ? offset - first * CHUNK_BYTES : 0;
      const piece = chunk.subarray(begin, begin + bytes - filled);
      out.set(piece, filled);
      filled += piece.length;
    }
    return out;
  }

  async #fetch(object: OpenObject, first: number, last: number): Promise<Uint8Array[]> {
    const range = object.opened.chunkRange(first, last);
    const sealed = await this.#request(object.archive, object.name, range.from, range.to - range.from);
    const chunks = object.opened.openChunks(range, sealed);
    if (chunks.length <= CACHED_CHUNKS_A_READ)
      for (const [i, chunk] of chunks.entries()) this.#cache.put(cacheKey(object), first + i, chunk);
    return chunks;
  }

  async #object(segment: Segment): Promise<OpenObject> {
    const key = objectKey(segment);
    const known = this.#objects.get(key);
    if (known) {
      this.#objects.delete(key);
      this.#objects.set(key, known);
      return known;
    }
    const { camera, start } = segment;
    const row = await this.#options.storage.call('archived', { camera, start });
    const archive = row && this.#options.book.at(row.archive);
    if (!row) throw new CodedError('not-found', 'This time was recorded, and its copy in the archive was deleted.');
    if (!archive)
      throw new CodedError('archive-refused', 'This time was recorded, and is in an archive that Keyhole cannot open (any more).');
    const name = objectName(camera, start, row.origin);
    let head = await this.#request(archive, name, 0, FIRST_BYTES);
    const headBytes = OpenedObject.headBytes(head) ?? 0;
    if (headBytes > head.length) head = await this.#request(archive, name, 0, headBytes);
    const opened = OpenedObject.open(archive.key, name, head);
    const hash = decodeNotes(opened.notes)?.segment.hash ?? null;
    // A genuine object, of what this row said once: the file was another.
    if (opened.fileBytes !== row.bytes || (hash && row.hash && Buffer.compare(hash, row.hash) !== 0)) throw altered(name);
    const object = { archive, name, opened };
    const first = opened.chunkRange(0, 0);
    if (head.length >= first.to) {
      const [chunk] = opened.openChunks(first, head.subarray(first.from, first.to));
      if (chunk) this.#cache.put(cacheKey(object), 0, chunk);
    }
    this.#objects.set(key, object);
    for (const oldest of this.#objects.keys()) {
      if (this.#objects.size <= OPEN_OBJECTS) break;
      this.#objects.delete(oldest);
    }
    return object;
  }

  /** One request, within a person's patience. */
  async #request({ number, store }: KnownArchive, name: string, offset: number, bytes: number): Promise<Uint8Array> {
    const { clock } = this.#options;
    const resting = this.#resting.get(number);
    if (resting && clock.monotonic() < resting.until) throw resting.error;
    const stop = new AbortController();
    try {
      const read = await firstOf<Uint8Array>({
        clock,
        timeoutMs: PATIENCE_MS,
        late: () => new CodedError('archive-unreachable', `The archive ${store.where} does not answer.`),
        listen: (resolve, reject) => {
          store.read(name, offset, bytes, stop.signal).then(resolve, reject);
          return [() => stop.abort()];
        },
      });
      this.#resting.delete(number);
      this.counters.requests += 1;
      this.counters.bytes += read.length;
      return read;
    } catch (error) {
      const coded = asCoded(error);
      if (coded.code === 'archive-unreachable' || coded.code === 'archive-refused')
        this.#resting.set(number, { until: clock.monotonic() + REST_MS, error: coded });
      throw error;
    }
  }
}

/** Another file of the same start is another object: the main picture takes the small one's place. */
function objectKey({ id, origin, bytes }: Segment): string {
  return `${id}/${origin}/${bytes}`;
}

/** A new upload of the same name is another object. */
function cacheKey({ archive, name, opened }: OpenObject): string {
  return `${archive.number}/${name}/${opened.id}`;
}
