import { createHash, type Hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import type { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, Keyframe, Segment } from '../contract/model.ts';
import type { DiskGuard } from './disk-guard.ts';
import { ContentHash } from './content-hash.ts';
import { checkDiskSpace } from './disk-space.ts';
import type { SegmentDisk } from './disk.ts';
import { RECORDINGS_DIR } from './names.ts';
import type { Cause, CutEvent } from './segment-cutter.ts';
import { toSegment, type CameraKey, type FolderKey, type NewSegment, type SegmentOrigin, type SegmentRegister } from './segment.ts';
import { SegmentFile } from './segment-file.ts';
import { writeFailure } from './write-failure.ts';

/** A batch goes to the file when it is this big or this old: with one group of 500 ms a killed process loses less than 2 s. */
const FLUSH_BYTES = 256 * 1024;
const FLUSH_MS = 500;
/** What was written is made safe from a power cut so much later, milliseconds, in the background: with the batch's age less than 2 s in all. */
const SYNC_MS = 1_000;
/** Closed files whose row the database would not take; what is beyond is found by the repair at the next start. */
const MAX_UNLISTED = 64;
const LIST_RETRY_MS = 5_000;
const SPACE_CHECK_MS = 5_000;

export interface SegmentWriterOptions {
  readonly camera: { readonly id: CameraId; readonly key: CameraKey };
  readonly register: SegmentRegister;
  /** Where the next segment goes, and through which disk. @throws CodedError why nowhere */
  readonly folder: () => Promise<{ readonly key: FolderKey; readonly root: string; readonly disk?: DiskGuard | undefined }>;
  /** Told what went wrong in that folder; whether another one takes recordings meanwhile. */
  readonly failed?: ((folder: FolderKey, error: CodedError) => boolean) | undefined;
  readonly origin?: SegmentOrigin | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly headroomBytes?: number | undefined;
  /** In place of the folder's own. */
  readonly disk?: SegmentDisk | undefined;
  /** Footage [from, to) can be read from disk now. `cause`: why time before it is missing, if it is. */
  readonly onWritten: (from: UtcMs, to: UtcMs, cause: Cause | null) => void;
  /** What was said of [from, to) does not hold: its file could not be finished, and is not listed. */
  readonly onUnfinished?: ((from: UtcMs, to: UtcMs, error: CodedError) => void) | undefined;
  /** Writing failed; everything queued was thrown away. It may be tried again with a new `begin`: at once where there is another folder. */
  readonly onFailed: (error: CodedError, elsewhere: boolean) => void;
}

interface OpenFile {
  readonly file: SegmentFile;
  readonly folder: FolderKey;
  readonly root: string;
  readonly guard: DiskGuard | undefined;
  /** Over all that is in the file. */
  readonly hash: Hash;
  /** Of what it shows, for its proof. */
  readonly content: ContentHash;
  readonly start: UtcMs;
  readonly codec: string;
  readonly cause: Cause | null;
  /** With the buffered ones; `bytes` of the last is not known yet. */
  readonly keyframes: { at: UtcMs; offset: number }[];
  buffer: Uint8Array[];
  buffered: number;
  end: UtcMs;
  flushed: { end: UtcMs; keyframes: number };
}

/** Writes what the cutter decides to files and rows, in order, in the background. The order of steps is docs/storage.md's. */
export class SegmentWriter {
  readonly counters = { segments: 0, bytes: 0, discarded: 0, failures: 0 };
  readonly #options: SegmentWriterOptions;
  #queue: CutEvent[] = [];
  #queuedBytes = 0;
  #open: OpenFile | null = null;
  /** The folder that was written to last; null while none was found. */
  #folder: { readonly key: FolderKey; readonly root: string } | null = null;
  /** Complete on disk, not in the database yet. */
  #unlisted: NewSegment[] = [];
  #work: Promise<void> = Promise.resolve();
  #scheduled = false;
  #spaceCheckedAt = 0;
  #flushTimer: Timer | null = null;
  #syncTimer: Timer | null = null;
  #listTimer: Timer | null = null;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
  }

  /** Bytes that were handed over and are not written. The caller stops at a limit of its own. */
  get queuedBytes(): number {
    return this.#queuedBytes + (this.#open?.buffered ?? 0);
  }

  /** Never blocks. */
  write(events: readonly CutEvent[]): void {
    for (const event of events) {
      this.#queue.push(event);
      if (event.kind === 'data') this.#queuedBytes += sizeOf(event.parts);
    }
    if (!this.#scheduled && this.#queue.length > 0) {
      this.#scheduled = true;
      this.#run(() => this.#drain());
    }
  }

  /** What can be read and is not in the database: closed files whose row is on its way, and the open one up to its flushed end. */
  segments(): Segment[] {
    const { id } = this.#options.camera;
    const listed = this.#unlisted.map((row) => toSegment(id, row, false));
    const open = this.#open && this.#toRow(this.#open);
    return open ? [...listed, toSegment(id, open, true)] : listed;
  }

  /** Rows of finished files that the database has not taken, at most 64. After `close` nobody asks it again: it is for the caller, or the repair. */
  get unlisted(): readonly NewSegment[] {
    return this.#unlisted;
  }

  /** What was handed over is not to wait for a bigger batch. Resolves when it is on disk. */
  flush(): Promise<void> {
    this.#run(async () => {
      if (this.#open) await this.#flush(this.#open);
    });
    return this.#work;
  }

  /** Resolves when what was handed over so far is dealt with. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Resolves when everything handed over is written; ends an open file. */
  async close(): Promise<void> {
    this.#run(async () => {
      if (this.#open) await this.#end(this.#open, this.#open.end);
      await this.#list();
    });
    await this.#work;
    this.#flushTimer?.cancel();
    this.#syncTimer?.cancel();
    this.#listTimer?.cancel();
  }

  /** One after another; a failure ends the file and empties the queue, never the chain. */
  #run(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => this.#fail(error));
  }

  async #drain(): Promise<void> {
    this.#scheduled = false;
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      if (event.kind === 'begin') await this.#begin(event);
      else if (event.kind === 'end') {
        if (this.#open) await this.#end(this.#open, event.end);
      } else {
        this.#queuedBytes -= sizeOf(event.parts);
        if (this.#open) await this.#data(this.#open, event);
      }
    }
  }

  async #begin(event: CutEvent & { kind: 'begin' }): Promise<void> {
    if (this.#open) await this.#end(this.#open, this.#open.end);
    const { camera, origin = 'live', disk } = this.#options;
    this.#folder = null;
    const { key: folder, root, disk: guard } = await this.#options.folder();
    this.#folder = { key: folder, root };
    const file = await SegmentFile.create(root, camera.id, event.start, origin, disk ?? guard);
    this.#open = {
      file,
      folder,
      root,
      guard,
      hash: createHash('sha256'),
      content: new ContentHash(false),
      start: utcMs(file.start),
      codec: event.codec,
      cause: event.cause,
      keyframes: [],
      buffer: [event.init],
      buffered: event.init.length,
      end: utcMs(file.start),
      flushed: { end: utcMs(file.start), keyframes: 0 },
    };
    await this.#checkSpace(this.#open, this.#options.clock.monotonic());
  }

  async #checkSpace(open: OpenFile, now: number): Promise<void> {
    const check = () => checkDiskSpace(dirname(join(open.root, open.file.file)), this.#options.headroomBytes);
    await (open.guard ? open.guard.run(check, true) : check());
    this.#spaceCheckedAt = now;
  }

  async #data(open: OpenFile, event: CutEvent & { kind: 'data' }): Promise<void> {
    if (event.keyframe !== null) {
      const last = open.keyframes.at(-1);
      const at = last ? Math.max(event.keyframe, last.at + 1) : open.start;
      open.keyframes.push({ at: utcMs(at), offset: open.file.bytes + open.buffered });
    }
    open.buffer.push(...event.parts);
    open.buffered += sizeOf(event.parts);
    open.end = utcMs(Math.max(open.end, event.end, open.start + 1));
    if (open.buffered >= FLUSH_BYTES) return this.#flush(open);
    this.#flushTimer ??= this.#options.clock.setTimeout(() => {
      this.#flushTimer = null;
      void this.flush();
    }, FLUSH_MS);
  }

  async #flush(open: OpenFile): Promise<void> {
    this.#flushTimer?.cancel();
    this.#flushTimer = null;
    if (open.buffered === 0) return;
    const now = this.#options.clock.monotonic();
    if (now - this.#spaceCheckedAt >= SPACE_CHECK_MS) await this.#checkSpace(open, now);
    const { buffer, buffered, end } = open;
    const keyframes = open.keyframes.length;
    open.buffer = [];
    open.buffered = 0;
    await open.file.write(buffer);
    for (const part of buffer) {
      open.hash.update(part);
      open.content.push(part);
    }
    const from = open.flushed.end;
    open.flushed = { end, keyframes };
    this.counters.bytes += buffered;
    this.#syncTimer ??= this.#options.clock.setTimeout(() => {
      this.#syncTimer = null;
      this.#open?.file.sync();
    }, SYNC_MS);
    if (end > from) this.#options.onWritten(from, end, from === open.start ? open.cause : null);
  }

  async #end(open: OpenFile, end: UtcMs): Promise<void> {
    open.end = utcMs(Math.max(open.end, end));
    // A continuous cut moves the end to the start of the next file: the last batch may hold nothing but that.
    await this.#flush(open);
    const from = open.flushed.end;
    open.flushed.end = open.end;
    if (open.end > from) this.#options.onWritten(from, open.end, null);
    await this.#finish(open);
  }

  async #finish(open: OpenFile): Promise<void> {
    const unhashed = this.#toRow(open);
    const row = unhashed && { ...unhashed, hash: open.hash.digest(), content: open.content.digest() };
    if (!row) {
      this.#open = null;
      this.counters.discarded += 1;
      return open.file.discard();
    }
    try {
      await open.file.finish();
    } catch (error) {
      this.#options.onUnfinished?.(row.start, row.end, this.#failureOf(error, open.root));
      throw error;
    } finally {
      this.#open = null;
    }
    this.counters.segments += 1;
    this.#unlisted.push(row);
    await this.#list();
  }

  /** Rows of finished files. The footage is safe on disk, so a database that is full or busy is asked again later. */
  async #list(): Promise<void> {
    for (let row = this.#unlisted[0]; row; row = this.#unlisted[0]) {
      try {
        await this.#options.register.list(row);
        this.#unlisted.shift();
      } catch (error) {
        this.#options.log.warn('a finished segment could not be listed', { camera: this.#options.camera.id, error: String(error) });
        if (this.#unlisted.length > MAX_UNLISTED) this.#unlisted.shift();
        this.#listTimer ??= this.#options.clock.setTimeout(() => {
          this.#listTimer = null;
          this.#run(() => this.#list());
        }, LIST_RETRY_MS);
        return;
      }
    }
  }

  async #fail(error: unknown): Promise<void> {
    this.counters.failures += 1;
    this.#queue = [];
    this.#queuedBytes = 0;
    const { camera, log } = this.#options;
    const open = this.#open;
    if (open) {
      open.buffer = [];
      open.buffered = 0;
      // What was flushed before is whole and worth keeping.
      await this.#finish(open).catch((again: unknown) =>
        log.warn('a segment could not be finished', { file: open.file.file, error: String(again) }),
      );
      this.#open = null;
    }
    const folder = this.#folder;
    const failure = this.#failureOf(error, folder?.root ?? '');
    log.warn('recording failed', { camera: camera.id, code: failure.code, error: error instanceof Error ? error.message : String(error) });
    this.#options.onFailed(failure, folder !== null && (this.#options.failed?.(folder.key, failure) ?? false));
  }

  #failureOf(error: unknown, root: string): CodedError {
    return writeFailure(error, join(root, RECORDINGS_DIR, this.#options.camera.id));
  }

  /** The flushed part as a row; null while no picture is flushed. */
  #toRow(open: OpenFile): NewSegment | null {
    const { bytes } = open.file;
    const begun = open.keyframes.slice(0, open.flushed.keyframes);
    if (begun.length === 0) return null;
    const keyframes: Keyframe[] = begun.map(({ at, offset }, i) => ({ at, offset, bytes: (begun[i + 1]?.offset ?? bytes) - offset }));
    const { start, codec, folder, flushed } = open;
    const { camera, origin = 'live' } = this.#options;
    return { camera: camera.key, start, end: flushed.end, bytes, codec, keyframes, folder, origin, archive: null, hash: null };
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
