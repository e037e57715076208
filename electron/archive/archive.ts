import type { Clock } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type {
  ArchiveChanges,
  ArchiveRecovery,
  ArchiveSettings,
  ArchiveStatus,
  ArchiveTest,
  NewArchiveTarget,
} from '../contract/archive.ts';
import type { FolderRoots } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import { ArchiveBook } from './book.ts';
import { ArchiveReader } from './archive-reader.ts';
import type { RemoveRows } from './expiry.ts';
import { ownFolder } from './object-store.ts';
import { restoreFromArchive, type RestoreProgress } from './restore.ts';
import { Uploader } from './uploader.ts';

export interface ArchiveOptions {
  readonly storage: Pick<Storage, 'call'>;
  /** What secrets are sealed under, 32 bytes. */
  readonly dataKey: Uint8Array;
  readonly folders: FolderRoots;
  readonly clock: Clock;
  readonly log: Log;
  /** The disk is behind with what is recorded: copying waits. */
  readonly behind: () => boolean;
  /** Takes rows that only the archive had out of the index; unless said, the database alone is asked. */
  readonly remove?: RemoveRows;
  /** State or settings changed. */
  readonly changed?: () => void;
}

/** Set while what the archive has is being put back into the index. */
const RESTORING = 'archive.restoring';

/** The second place of recordings: what was chosen for it, copying there, reading back, and making the index know it. */
export class Archive {
  /** Reads what only the archive has. */
  readonly reader: ArchiveReader;
  readonly #options: ArchiveOptions;
  readonly #book: ArchiveBook;
  readonly #uploader: Uploader;
  readonly #stop = new AbortController();
  #restore: (RestoreProgress & { running: boolean }) | null = null;
  #restoring: Promise<void> = Promise.resolve();

  private constructor(options: ArchiveOptions, book: ArchiveBook) {
    const { storage, folders, clock, log, behind } = options;
    const remove: RemoveRows = options.remove ?? ((args) => storage.call('deleteSegments', args));
    this.#options = options;
    this.#book = book;
    this.reader = new ArchiveReader({ storage, book, clock });
    this.#uploader = new Uploader({ storage, folders, book, clock, log, behind, remove, changed: () => options.changed?.() });
  }

  static async open(options: ArchiveOptions): Promise<Archive> {
    return new Archive(options, await ArchiveBook.open(options));
  }

  get settings(): ArchiveSettings {
    return this.#book.settings;
  }

  get counters() {
    const { copied, bytes, failures, skipped, late } = this.#uploader.counters;
    return { copied, bytes, failures, skipped, late, ...this.#uploader.expiry.counters, requests: this.reader.counters.requests };
  }

  /** Begins to copy. Idempotent. */
  start(): void {
    this.#uploader.start();
  }

  /** What is under way is given up. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#uploader.close();
    await this.#restoring;
    this.#book.close();
  }

  /** Errors: `bad-request`, `conflict`, `archive-unreachable`, `archive-refused`. */
  async configure(changes: ArchiveChanges): Promise<ArchiveSettings> {
    const settings = await this.#book.configure(changes);
    this.#uploader.restart();
    this.#options.changed?.();
    return settings;
  }

  /** Writes, reads and deletes a small object. Errors: those of `configure`. */
  test(target?: NewArchiveTarget): Promise<ArchiveTest> {
    return this.#book.test(target);
  }

  async status(): Promise<ArchiveStatus> {
    const { current } = this.#book;
    const { error, copying, lastCopiedAt, pace } = this.#uploader;
    const cameras = (await this.#uploader.cameras()).filter(({ recording }) => recording.archive).map(({ key }) => key);
    const figures = await this.#options.storage.call('archiveFigures', { cameras, archive: current?.number ?? 0 });
    return {
      state: current === null ? 'off' : error ? 'failed' : copying ? 'copying' : 'idle',
      error: current && error ? { code: error.code, text: error.message } : null,
      waitingSegments: figures.waiting.segments,
      waitingBytes: figures.waiting.bytes,
      rate: pace.rate,
      segments: current ? figures.there.segments : 0,
      bytes: current ? figures.there.bytes : 0,
      oldest: current ? figures.oldest : null,
      lastCopiedAt,
      restore: this.#restore && { ...this.#restore },
    };
  }

  /** What a person keeps in a safe place. Errors: `bad-request` where there is no archive. */
  recovery(): ArchiveRecovery {
    const { current } = this.#book;
    if (!current) throw new CodedError('bad-request', 'There is no archive, and so nothing to recover it by.');
    return { text: current.key.recoveryText, folder: ownFolder(current.key.idText) };
  }

  /** Restores where there is an archive, and the last time did not come to its end, or `anew`: the database is another one than before. */
  async resumeRestore(anew: boolean): Promise<void> {
    try {
      const due = anew || (await this.#options.storage.call('setting', { key: RESTORING })) !== null;
      if (due && this.#book.current && !this.#stop.signal.aborted) this.restore();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.log.warn(`the archive is not looked through: ${asCoded(error).message}`);
    }
  }

  /** Begins to make the index know what the archive has; `status` tells how far it is. Errors: `bad-request` where there is no archive. */
  restore(): void {
    const { current } = this.#book;
    if (!current) throw new CodedError('bad-request', 'There is no archive to restore from: say where it is first.');
    if (this.#restore?.running) return;
    const { storage, clock, log } = this.#options;
    const progress = { running: true, seen: 0, restored: 0, unreadable: 0 };
    this.#restore = progress;
    const { signal } = this.#stop;
    this.#restoring = storage
      .call('setSetting', { key: RESTORING, value: '1' })
      .then(() => restoreFromArchive({ storage, archive: current, clock, log, signal, progress }))
      .then(() => storage.call('setSetting', { key: RESTORING, value: null }))
      .then(() => log.info('what the archive has is in the index', { ...progress, running: false }))
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn(`the index does not know all that the archive has yet: ${asCoded(error).message}`);
      })
      .finally(() => {
        progress.running = false;
        this.#options.changed?.();
      });
  }
}
