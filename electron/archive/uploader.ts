import type { Clock, Timer } from '../base/clock.ts';
import { asCoded, type CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { FolderKey, FolderRoots } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraKey, CameraRow } from '../storage/interface.ts';
import type { ArchiveBook, KnownArchive } from './book.ts';
import { copySegment } from './copy.ts';
import { Expiry, type RemoveRows } from './expiry.ts';
import { Pace } from './pace.ts';

/** The small picture is copied when the main one has not taken its place in so long, milliseconds. */
const SUB_WAITS_MS = 86_400_000;
/** With nothing to do it looks again after this; recording goes first for as long. */
const IDLE_MS = 5_000;
/** A file that could not be read, and a folder that is not connected, are passed over for so long. */
const AWAY_MS = 60_000;
const EXPIRE_EVERY_MS = 60_000;
/** The names and settings of cameras are asked for so often at most. */
const CAMERAS_MS = 5_000;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 300_000;
const BACKFILL_AT_ONCE = 500;
const BEGINNING = utcMs(0);
const DAY_MS = 86_400_000;

export interface UploaderOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly folders: FolderRoots;
  readonly book: ArchiveBook;
  readonly clock: Clock;
  readonly log: Log;
  /** The disk is behind with what is recorded: that goes first. */
  readonly behind: () => boolean;
  /** Takes rows out of the index. */
  readonly remove: RemoveRows;
  readonly changed: () => void;
}

/**
 * Copies what waits, oldest first, one segment at a time, and deletes what the archive keeps no longer. Nothing that it knows need survive: what
 * waits, what is there and what is garbage is in the database, and a copy counts when its object was seen to be complete.
 */
export class Uploader {
  readonly counters = { copied: 0, bytes: 0, failures: 0, skipped: 0, late: 0 };
  readonly pace: Pace;
  readonly expiry: Expiry;
  readonly #options: UploaderOptions;
  readonly #backoff = new Backoff({ firstMs: FIRST_RETRY_MS, capMs: LAST_RETRY_MS });
  /** What is older was tried just now, by camera; and folders that are away. Forgotten after AWAY_MS. */
  readonly #passed = { after: new Map<CameraKey, UtcMs>(), without: new Set<FolderKey>(), until: Infinity };
  readonly #tidied = new Set<number>();
  #cameras: { readonly rows: readonly CameraRow[]; readonly at: number } | null = null;
  #stop = new AbortController();
  #wake: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #closed = false;
  #error: CodedError | null = null;
  #copying = false;
  #lastCopiedAt: UtcMs | null = null;
  #expireAt = 0;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.pace = new Pace(options.clock, () => options.book.settings.rateKbps);
    this.expiry = new Expiry(options.storage, options.clock, options.remove);
  }

  get error(): CodedError | null {
    return this.#error;
  }

  get copying(): boolean {
    return this.#copying;
  }

  get lastCopiedAt(): UtcMs | null {
    return this.#lastCopiedAt;
  }

  /** Idempotent. */
  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  /** Settings changed: what is under way is given up, and everything is looked at anew. */
  restart(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#backoff.reset();
    this.#error = null;
    this.#expireAt = 0;
    this.#passed.until = 0;
    this.#wake?.();
  }

  /** Gives up what is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const { signal } = this.#stop;
      let pauseMs: number;
      try {
        pauseMs = await this.#step(signal);
        this.#backoff.reset();
        this.#tell(null, pauseMs === 0);
      } catch (error) {
        if (signal.aborted) continue;
        pauseMs = this.#backoff.next();
        this.#failed(asCoded(error), pauseMs);
      }
      if (pauseMs > 0 && !this.#closed && !signal.aborted) await this.#pause(pauseMs);
    }
  }

  /** One thing of what there is to do. Returns for how long there is nothing, milliseconds. */
  async #step(signal: AbortSignal): Promise<number> {
    const { book, storage, behind } = this.#options;
    const { current } = book;
    if (behind()) return IDLE_MS;
    if (await this.#delete(signal)) return 0;
    if (!current) return (await storage.call('archiveForgetWaiting', {})) > 0 ? 0 : IDLE_MS;
    if (!this.#tidied.has(current.number)) {
      await this.#tidy(current, signal);
    }
    if (await book.backfillDue()) await this.#backfill(signal);
    const cameras = (await this.cameras()).filter(({ recording }) => recording.archive);
    const next = await this.#next(cameras);
    const camera = cameras.find(({ key }) => key === next?.camera);
    if (!next || !camera) return IDLE_MS;
    this.#tell(this.#error, true);
    await this.#copy(current, camera, next.start, signal);
    return 0;
  }

  /** Once for each archive. A server that cannot list uploads that were cut off can take new ones all the same. */
  async #tidy({ number, store }: KnownArchive, signal: AbortSignal): Promise<void> {
    try {
      await store.tidy(signal);
    } catch (error) {
      const { code, message } = asCoded(error);
      if (code !== 'archive-refused') throw error;
      this.#options.log.warn(`what uploads that were cut off left in the archive stays there: ${message}`);
    }
    this.#tidied.add(number);
  }

  #next(cameras: readonly CameraRow[]) {
    const { storage, clock } = this.#options;
    const passed = this.#passed;
    if (clock.monotonic() >= passed.until) {
      passed.after.clear();
      passed.without.clear();
      passed.until = Infinity;
    }
    const subBefore = utcMs(Math.round(clock.now() - SUB_WAITS_MS));
    return storage.call('archiveNext', {
      cameras: cameras.map(({ key }) => key),
      subBefore,
      after: passed.after,
      without: [...passed.without],
    });
  }

  async #copy(archive: KnownArchive, camera: CameraRow, start: UtcMs, signal: AbortSignal): Promise<void> {
    const { storage, folders, clock, log } = this.#options;
    const range = { camera: camera.key, from: start, to: utcMs(start + 1) };
    const segment = (await storage.call('segmentsWithKeyframes', range)).find((row) => row.start === start);
    const result =
      segment && segment.archive === null ? await copySegment({ camera, segment, folders }, archive, this.pace, signal) : 'gone';
    const passed = this.#passed;
    const isAway = result === 'away';
    // What is away is not looked through again for each segment that is there.
    if (isAway || passed.without.size > 0) passed.after.set(camera.key, start);
    if (isAway) {
      passed.until = Math.min(passed.until, clock.monotonic() + AWAY_MS);
      const folder = segment?.folder ?? null;
      if (folder !== null && folders.root(folder) === null) passed.without.add(folder);
      log.debug('a recording cannot be read just now: it is copied to the archive later', { camera: camera.id, start });
      return;
    }
    if (result === 'gone' || !segment) {
      this.counters.skipped += 1;
      await storage.call('archiveSkip', { camera: camera.key, start });
      log.warn('a recording that waited to be copied to the archive has no file (any more)', { camera: camera.id, start });
      return;
    }
    const { origin, bytes } = segment;
    const done = await storage.call('archiveDone', {
      camera: camera.id,
      key: camera.key,
      start,
      origin,
      archive: archive.number,
      bytes,
    });
    this.counters.copied += 1;
    this.counters.bytes += bytes;
    // Deleted, or replaced, while it was copied.
    if (!done) this.counters.late += 1;
    this.#lastCopiedAt = clock.now();
  }

  /** What the archive is to keep no longer, of all archives: a step at a time. True when something was done. */
  async #delete(signal: AbortSignal): Promise<boolean> {
    const { book, clock, log } = this.#options;
    if (clock.monotonic() < this.#expireAt) return false;
    const { current } = book;
    if (current && (await this.expiry.expire(current, book.settings))) return true;
    for (const archive of book.all) {
      try {
        if (await this.expiry.collect(archive, signal)) return true;
      } catch (error) {
        // An earlier archive that is away for good holds nothing up; its garbage stays noted.
        if (archive === current || signal.aborted) throw error;
        log.debug('an earlier archive cannot be cleaned up now', { archive: archive.number, error: String(error) });
      }
    }
    this.#expireAt = clock.monotonic() + EXPIRE_EVERY_MS;
    return false;
  }

  /** What was recorded before there was an archive, newest first, as far as the archive would keep it. Begun anew after a restart. */
  async #backfill(signal: AbortSignal): Promise<void> {
    const { storage, book, clock } = this.#options;
    const { keepDays, keepBytes } = book.settings;
    const from = keepDays === null ? BEGINNING : utcMs(Math.max(0, Math.round(clock.now() - keepDays * DAY_MS)));
    let left = keepBytes ?? Infinity;
    let open = (await this.cameras()).filter(({ recording }) => recording.archive).map(({ key }) => ({ key, before: utcMs(8.64e15) }));
    while (open.length > 0 && left > 0 && !signal.aborted) {
      const further: typeof open = [];
      for (const { key, before } of open) {
        const looked = await storage.call('archiveBackfill', { camera: key, from, before, limit: BACKFILL_AT_ONCE });
        left -= looked.bytes;
        if (looked.before !== null) further.push({ key, before: looked.before });
      }
      open = further;
    }
    if (!signal.aborted) await book.backfillDone();
  }

  /** Also removed ones whose footage was kept. */
  async cameras(): Promise<readonly CameraRow[]> {
    const now = this.#options.clock.monotonic();
    if (!this.#cameras || now - this.#cameras.at > CAMERAS_MS)
      this.#cameras = { rows: await this.#options.storage.call('cameras', { removed: true }), at: now };
    return this.#cameras.rows;
  }

  #failed(error: CodedError, pauseMs: number): void {
    this.counters.failures += 1;
    if (error.code !== this.#error?.code || error.message !== this.#error.message)
      this.#options.log.warn(`nothing is copied to the archive just now: ${error.message}`, { tryAgainInS: Math.round(pauseMs / 1000) });
    this.#tell(error, false);
  }

  #tell(error: CodedError | null, copying: boolean): void {
    const same = error?.message === this.#error?.message && copying === this.#copying;
    this.#error = error;
    this.#copying = copying;
    if (!same) this.#options.changed();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer = this.#options.clock.setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        this.#wake = null;
        timer.cancel();
        resolve();
      };
    });
  }
}
