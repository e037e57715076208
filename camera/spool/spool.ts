import { dirname } from 'node:path';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError, errnoOf } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import type { RemuxFactory } from '../../electron/segment/remux-feed.ts';
import { writeFailure } from '../../electron/segment/write-failure.ts';
import type { Spool, SpoolFile } from '../../peer/session/bulk-server.ts';
import type { SpoolItem, SpoolState } from '../../peer/session/bulk-messages.ts';
import { bootClock, type BootClock } from './boot-clock.ts';
import { Catalog, type SpoolEntry } from './catalog.ts';
import { SpoolFiles } from './files.ts';
import { RETRY_MS, SpoolIntake } from './intake.ts';
import { SpoolMark, type MarkedFolders } from './mark.ts';
import { tidy, type SpoolLimits } from './tidy.ts';

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
  /** Folders that are known to be marked; left out: those of this spool alone, while it is there. */
  readonly marked?: MarkedFolders;
  /** About how long a file is, 10 000 to 600 000 ms: what was recorded last is to be had when its file is closed. */
  readonly segmentMs?: number;
}

const SEGMENT_MS = 15_000;
/** This often what is too much is looked for, ms. */
const TIDY_MS = 30_000;

/**
 * Keeps what the camera's source delivers, on the camera's own side, for apps that were away: in files as the app's recorder writes
 * them, the oldest of which go. Nothing that happens to its disk holds up the live picture.
 */
export class CameraSpool implements Spool {
  readonly changed = new Emitter<void>();
  readonly #options: CameraSpoolOptions;
  readonly #mark: SpoolMark;
  readonly #files: SpoolFiles;
  readonly #catalog: Catalog;
  readonly #intake: SpoolIntake;
  #removed = 0;
  #failure: CodedError | null = null;
  #isOpen = false;
  #hasBegun = false;
  #timer: Timer | null = null;
  #work: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(options: CameraSpoolOptions) {
    const { root, camera, segmentMs = SEGMENT_MS, clock } = options;
    this.#options = options;
    const boot = options.bootClock ?? bootClock(clock);
    this.#mark = new SpoolMark(root, camera, options.marked ?? new Set<string>());
    this.#files = new SpoolFiles(root, camera);
    this.#catalog = new Catalog(boot);
    this.#intake = new SpoolIntake({
      ...options,
      disk: this.#mark.disk,
      segmentMs,
      bootClock: boot,
      onClosed: (entry) => this.#closedFile(entry),
      onFailed: (error) => {
        // What an unmounted disk still takes, or does not, is no news of the one that is waited for.
        if (this.#isOpen) this.#failed(error);
      },
    });
  }

  get state(): SpoolState {
    const reason = this.#failure && { code: this.#failure.code, text: this.#failure.message.slice(0, 512) };
    return { since: this.#catalog.since, reason };
  }

  get bytes(): number {
    return this.#catalog.bytes;
  }

  /** Units that were left out since the start, and files that went. */
  get counters(): { readonly dropped: number; readonly removed: number } {
    return { dropped: this.#intake.dropped, removed: this.#removed };
  }

  /** Looks at what is there; from when it resolves on it takes units. A disk that is not there is waited for. */
  async start(): Promise<void> {
    if (this.#isOpen || this.#closed) return;
    try {
      // What was open when its disk went away is closed by then.
      await this.settled();
      await this.#mark.admit();
      const { known, unknown } = await this.#files.list();
      if (this.#closed) return;
      for (const entry of known) this.#catalog.add(entry);
      this.#isOpen = this.#hasBegun = true;
      this.#intake.resume();
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
    if (this.#hasBegun && !this.#closed) this.#intake.push(unit);
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
    await this.#intake.settled();
    await this.#work;
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#timer?.cancel();
    await this.#intake.close();
    await this.#work;
    this.changed.clear();
  }

  async #closedFile(entry: SpoolEntry): Promise<void> {
    // It is found again with its disk.
    if (!this.#isOpen) return;
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

  async #tidy(): Promise<void> {
    const { limits, clock } = this.#options;
    if (!this.#isOpen) return;
    if (!(await this.#mark.isThere())) return this.#failed(this.#mark.missing());
    await tidy({
      catalog: this.#catalog,
      limits,
      folder: this.#files.folder,
      now: clock.now(),
      remove: async (key) => {
        // Out of the list first: what cannot be deleted is not looked at again before the next start.
        this.#catalog.remove(key);
        this.#removed += 1;
        await this.#files.remove(key);
      },
    });
  }

  #tidyLater(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
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
    const before = this.#failure?.code;
    this.#failure = error;
    if (error?.code === 'disk-missing') this.#leave();
    // A full disk may be full of what this spool could do without.
    else if (error && this.#isOpen) this.#run(() => this.#tidy());
    if (before === error?.code) return;
    if (error) this.#options.log.warn('the spool takes nothing', { code: error.code, why: error.message });
    else if (before) this.#options.log.info('the spool goes on');
    this.changed.emit();
  }

  /** Nothing of it can be had until its disk is there again, and what is on that then is looked at anew. */
  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#intake.pause();
    this.#catalog.clear();
    this.#tidyLater();
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
      throw await this.#notRead(key, error);
    }
  }

  /** A file that is not there is gone, unless all the others are, too. */
  async #notRead(key: number, error: unknown): Promise<CodedError> {
    const folder = dirname(this.#files.path(key));
    if (errnoOf(error) !== 'ENOENT') return writeFailure(error, folder);
    try {
      if (await this.#mark.isThere()) {
        this.#catalog.remove(key);
        return gone();
      }
    } catch (failure) {
      return writeFailure(failure, folder);
    }
    const missing = this.#mark.missing();
    this.#failed(missing);
    return missing;
  }
}

function gone(): CodedError {
  return new CodedError('not-found', 'That footage is not in the camera’s spool any more.');
}
