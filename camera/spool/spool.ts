import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError, errnoOf } from '../../electron/base/errors.ts';
import { makeFolder } from '../../electron/base/folder.ts';
import type { Log } from '../../electron/base/log.ts';
import type { AccessUnit, Fragment } from '../../electron/media/access-unit.ts';
import { RemuxFeed, type RemuxFactory } from '../../electron/segment/remux-feed.ts';
import type { NewSegment } from '../../electron/segment/segment.ts';
import { SegmentCutter } from '../../electron/segment/segment-cutter.ts';
import { SegmentWriter } from '../../electron/segment/segment-writer.ts';
import { SoundWait } from '../../electron/segment/sound-wait.ts';
import { writeFailure } from '../../electron/segment/write-failure.ts';
import type { Spool, SpoolFile } from '../../peer/session/bulk-server.ts';
import type { SpoolItem, SpoolState } from '../../peer/session/bulk-messages.ts';
import { bootClock, type BootClock } from './boot-clock.ts';
import { Catalog, type SpoolEntry } from './catalog.ts';
import { SpoolFiles } from './files.ts';

export interface SpoolLimits {
  /** Of all files together. */
  readonly bytes: number;
  readonly ageMs: number;
}

export interface CameraSpoolOptions {
  /** Where it is; several cameras may share it. */
  readonly root: string;
  /** Names the camera's own folder in it: lower case letters, digits, dashes. */
  readonly camera: string;
  readonly limits: SpoolLimits;
  readonly remux: RemuxFactory;
  readonly clock: Clock;
  readonly log: Log;
  readonly bootClock?: BootClock;
  /** About how long a file is, 10 000 to 600 000 ms: what was recorded last is to be had when its file is closed. */
  readonly segmentMs?: number;
}

const SEGMENT_MS = 15_000;
/** Waiting for the disk, bytes; beyond it pictures are left out up to the next keyframe, and counted. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** A disk that failed is tried again after this, ms; and this often what is too much is looked for. */
const RETRY_MS = 5_000;
const TIDY_MS = 30_000;
/** Left free for others: the smaller of this and a tenth of the disk. What the writer insists on is less. */
const [FREE_BYTES, FREE_SHARE] = [256 * 1024 * 1024, 0.1];
/** What goes in one round because it is too old: a wall clock that is wrong for a minute does not cost all of it. And for want of room. */
const [MAX_AGED, MAX_REMOVED] = [20, 200];

/**
 * Keeps what the camera's source delivers, on the camera's own side, for apps that were away: in files as the app's recorder writes
 * them, the oldest of which go. Nothing that happens to its disk holds up the live picture.
 */
export class CameraSpool implements Spool {
  readonly changed = new Emitter<void>();
  readonly counters = { dropped: 0, removed: 0 };
  readonly #options: CameraSpoolOptions;
  readonly #bootClock: BootClock;
  readonly #files: SpoolFiles;
  readonly #catalog: Catalog;
  readonly #cutter: SegmentCutter;
  readonly #writer: SegmentWriter;
  readonly #remux: RemuxFeed;
  readonly #sound = new SoundWait();
  /** By the start of a file that was begun: where the wall clock stood. */
  readonly #begun: { readonly start: number; readonly clock: SpoolEntry['clock'] }[] = [];
  /** `retried`: pictures are taken again, from a keyframe on, and are not on the disk yet. */
  #failure: { readonly error: CodedError; readonly retryAt: number; retried: boolean } | null = null;
  #isOpen = false;
  #overflowing = false;
  #timer: Timer | null = null;
  #work: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(options: CameraSpoolOptions) {
    const { clock, log, camera, root, segmentMs = SEGMENT_MS } = options;
    this.#options = options;
    this.#bootClock = options.bootClock ?? bootClock(clock);
    this.#files = new SpoolFiles(root, camera);
    this.#catalog = new Catalog(this.#bootClock);
    this.#cutter = new SegmentCutter(0, () => segmentMs);
    this.#writer = new SegmentWriter({
      camera: { id: camera, key: 0 },
      register: { list: (segment) => this.#closedFile(segment) },
      folder: () => Promise.resolve({ key: 0, root }),
      clock,
      log,
      onWritten: () => this.#failed(null),
      onFailed: (error) => {
        this.#cutter.stop();
        this.#failed(error);
      },
    });
    this.#remux = new RemuxFeed({
      create: options.remux,
      clock,
      log,
      onFragment: (unit) => this.#take(unit),
      onLost: () => this.#writer.write(this.#cutter.stop()),
    });
  }

  get state(): SpoolState {
    const reason = this.#failure && { code: this.#failure.error.code, text: this.#failure.error.message.slice(0, 512) };
    return { since: this.#catalog.since, reason };
  }

  get bytes(): number {
    return this.#catalog.bytes;
  }

  /** Looks at what is there; from when it resolves on it takes units. A disk that is not there is waited for. */
  async start(): Promise<void> {
    if (this.#isOpen || this.#closed) return;
    try {
      // Others of this machine have no business with it.
      makeFolder(this.#files.folder);
      const { known, unknown } = await this.#files.list();
      for (const entry of known) this.#catalog.add(entry);
      this.#isOpen = true;
      this.#failed(null);
      this.#run(() => this.#mend(unknown));
      this.#options.log.info('spool', { folder: this.#files.folder, files: this.#catalog.size, bytes: this.#catalog.bytes });
    } catch (error) {
      this.#failed(writeFailure(error, this.#files.folder));
    }
    this.#tidyLater();
  }

  /** One frame of the source. Never blocks. */
  push(unit: AccessUnit): void {
    if (!this.#isOpen || this.#closed) return;
    if (hasFragment(unit)) this.#take(unit);
    else for (const ready of this.#sound.take(unit)) this.#remux.push(ready);
  }

  list(range: { from: number; to: number; after: number | null; limit: number }): readonly SpoolItem[] {
    return this.#catalog.list(range);
  }

  async open(key: number): Promise<SpoolFile> {
    const entry = this.#entry(key);
    if (entry.hash) return { ...this.#catalog.item(entry), hash: entry.hash };
    const hash = await this.#onDisk(key, () => this.#files.hash(key));
    const hashed = { ...entry, hash };
    if (this.#catalog.at(key)) this.#catalog.add(hashed);
    await this.#files.note(hashed).catch(() => {}); // it is computed again
    return { ...this.#catalog.item(entry), hash };
  }

  async read(key: number, offset: number, length: number): Promise<Buffer> {
    this.#entry(key);
    return this.#onDisk(key, () => this.#files.read(key, offset, length));
  }

  /** Resolves when all that was pushed is on the disk, and what was to be deleted is deleted. */
  async settled(): Promise<void> {
    await this.#writer.settled();
    await this.#work;
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#timer?.cancel();
    for (const waiting of this.#sound.flush()) this.#remux.push(waiting);
    await this.#remux.close();
    this.#writer.write(this.#cutter.stop());
    await this.#writer.close();
    await this.#work;
    this.changed.clear();
  }

  #take(unit: AccessUnit & { readonly fragment: Fragment }): void {
    const key = unit.config.kind === 'video' && unit.key;
    const failure = this.#failure;
    if (failure && !failure.retried) {
      failure.retried = key && this.#options.clock.monotonic() >= failure.retryAt;
      if (!failure.retried) {
        this.counters.dropped += 1;
        return;
      }
    }
    const queued = this.#writer.queuedBytes;
    if (this.#overflowing ? !key || queued > MAX_QUEUED_BYTES / 2 : queued > MAX_QUEUED_BYTES) {
      if (!this.#overflowing) {
        this.#options.log.warn('the spool’s disk is too slow: pictures are left out', { queuedBytes: queued });
        this.#writer.write(this.#cutter.stop());
      }
      this.#overflowing = true;
      this.counters.dropped += 1;
      return;
    }
    this.#overflowing = false;
    const events = this.#cutter.take(unit);
    for (const event of events) {
      if (event.kind !== 'begin') continue;
      this.#begun.push({ start: event.start, clock: { boot: this.#bootClock.boot, startedAt: this.#bootClock.startedAt() } });
      if (this.#begun.length > 64) this.#begun.shift();
    }
    this.#writer.write(events);
  }

  async #closedFile({ start, end, bytes, hash }: NewSegment): Promise<void> {
    // The writer may have moved the start by some ms to find a free name.
    const begun = this.#begun.findLast((other) => other.start <= start && start - other.start < 1_000);
    const entry: SpoolEntry = { key: start, end, bytes, hash: hash && Buffer.from(hash), clock: begun?.clock ?? null };
    const isFirst = this.#catalog.size === 0;
    this.#catalog.add(entry);
    if (isFirst) this.changed.emit();
    await this.#files
      .note(entry)
      .catch((error: unknown) => this.#options.log.debug('the spool’s journal was not written', { error: String(error) }));
    this.#run(() => this.#tidy());
  }

  /** One after another, in the background. */
  #run(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => this.#options.log.warn('spool', { error: String(error) }));
  }

  async #mend(unknown: readonly number[]): Promise<void> {
    for (const key of unknown) {
      if (this.#closed) return;
      try {
        const entry = await this.#files.mend(key, this.#options.log);
        if (!entry) continue;
        this.#catalog.add(entry);
        await this.#files.note(entry);
      } catch (error) {
        this.#options.log.warn('a file of the spool cannot be read', { file: this.#files.path(key), error: String(error) });
      }
    }
    await this.#tidy();
  }

  /** The oldest go: what is too old, and what there is no room for. */
  async #tidy(): Promise<void> {
    const { limits, clock } = this.#options;
    for (const { key, end } of this.#catalog.oldest(MAX_AGED)) if (end < clock.now() - limits.ageMs) await this.#remove(key);
    const isTooMuch = async () => this.#catalog.bytes > limits.bytes || (await this.#isCramped());
    if (!(await isTooMuch())) return;
    for (const { key } of this.#catalog.oldest(MAX_REMOVED)) {
      await this.#remove(key);
      if (!(await isTooMuch())) return;
    }
  }

  async #remove(key: number): Promise<void> {
    // Out of the list first: what cannot be deleted is not looked at again before the next start.
    this.#catalog.remove(key);
    this.counters.removed += 1;
    await this.#files.remove(key);
  }

  /** The disk has less left than others should have. */
  async #isCramped(): Promise<boolean> {
    const { bavail, bsize, blocks } = await statfs(this.#files.folder);
    return bavail * bsize < Math.min(FREE_BYTES, blocks * bsize * FREE_SHARE);
  }

  #tidyLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimeout(
      () => {
        if (this.#isOpen) {
          this.#run(() => this.#tidy());
          this.#tidyLater();
        } else void this.start();
      },
      this.#isOpen ? TIDY_MS : RETRY_MS,
    );
  }

  #failed(error: CodedError | null): void {
    const before = this.#failure?.error.code;
    this.#failure = error && { error, retryAt: this.#options.clock.monotonic() + RETRY_MS, retried: false };
    // A full disk may be full of what this spool could do without.
    if (error && this.#isOpen) this.#run(() => this.#tidy());
    if (before === error?.code) return;
    if (error) this.#options.log.warn('the spool takes nothing', { code: error.code, why: error.message });
    else if (before) this.#options.log.info('the spool goes on');
    this.changed.emit();
  }

  /** @throws CodedError `not-found` */
  #entry(key: number): SpoolEntry {
    const entry = this.#catalog.at(key);
    if (!entry) throw gone();
    return entry;
  }

  async #onDisk<T>(key: number, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw writeFailure(error, dirname(this.#files.path(key)));
      this.#catalog.remove(key);
      throw gone();
    }
  }
}

function gone(): CodedError {
  return new CodedError('not-found', 'That footage is not in the camera’s spool any more.');
}

function hasFragment(unit: AccessUnit): unit is AccessUnit & { readonly fragment: Fragment } {
  return unit.fragment !== undefined;
}
