import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { StorageState } from '../contract/model.ts';
import { DiskGuard } from '../segment/disk-guard.ts';
import { diskFull, headroomOf } from '../segment/disk-space.ts';
import type { SegmentDisk } from '../segment/disk.ts';
import { exists, MountedDisk } from '../segment/mounted-disk.ts';
import { MARKER_FILE, RECORDINGS_DIR } from '../segment/names.ts';
import { writeFailure } from '../segment/write-failure.ts';
import { readMarker } from './marker.ts';
import type { StorageFolder } from './folders.ts';

/** Space that must have come back before a full disk is called usable again, as a multiple of what stops recording. */
const ROOM_AGAIN = 1.25;
/** Our own probe, written and taken away again. */
const PROBE_FILE = 'keyhole-probe';
/** A folder that took recordings for so long is tried again soon when it fails, milliseconds. */
const PROVED_MS = 120_000;

/** What the system answered, in one word. */
const STATES: Readonly<Record<string, StorageState>> = {
  'disk-full': 'full',
  'disk-missing': 'missing',
  'disk-failed': 'failed',
  'disk-read-only': 'read-only',
  'data-unwritable': 'read-only',
  'disk-slow': 'slow',
};

export interface FolderWatchOptions {
  readonly folder: StorageFolder;
  readonly disk: SegmentDisk;
  readonly clock: Clock;
  readonly log: Log;
  readonly patienceMs?: number | undefined;
  readonly headroomBytes?: number | undefined;
  /** Of this installation; null while it has none yet: then nothing is asked of the marker. */
  readonly installation: () => string | null;
  readonly elsewhere: () => boolean;
  /** Before a folder that was away takes recordings again: its index is to be brought in order. No file in it is open then. */
  readonly admit: () => Promise<void>;
  readonly changed: () => void;
}

/** The condition of one storage folder: found out by looking and by what writing to it brings, and mended by itself. */
export class FolderWatch {
  readonly folder: StorageFolder;
  readonly guard: DiskGuard;
  readonly #options: FolderWatchOptions;
  readonly #backoff: Backoff;
  #failure: CodedError | null = null;
  /** The failure was seen by looking, and not only told by who wrote. */
  #seen = false;
  #okSince = 0;
  /** The index must be compared with the files before it is used again. */
  #wasAway = false;
  #admitting = false;
  #probeAt = 0;
  #free: number | null = null;
  #total: number | null = null;
  #looking: Promise<void> | null = null;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ firstMs: 4_000, capMs: 60_000 });
    const { folder, disk, clock, patienceMs, elsewhere } = options;
    const onHung = (hung: boolean): void => (hung ? this.failed(slow(folder.root)) : void this.look(true));
    const mounted = new MountedDisk(disk, {
      marker: join(folder.root, RECORDINGS_DIR, MARKER_FILE),
      marked: () => options.installation() !== null,
      missing: () => new CodedError('disk-missing', `The storage folder ${folder.root} is not connected (any more): connect its disk.`),
    });
    this.guard = new DiskGuard({ disk: mounted, clock, where: folder.root, patienceMs, elsewhere, onHung });
    this.folder = { ...folder, disk: this.guard };
  }

  get state(): StorageState {
    return this.#failure ? (STATES[this.#failure.code] ?? 'failed') : 'ok';
  }

  /** Why it takes nothing; null when it does. */
  get failure(): CodedError | null {
    return this.#failure;
  }

  /** Bytes, as they were when it was last looked at. */
  get space(): { readonly free: number; readonly total: number } | null {
    return this.#free === null || this.#total === null ? null : { free: this.#free, total: this.#total };
  }

  /** Its files can be read: the right disk is there and answers. */
  get connected(): boolean {
    return !this.guard.hung && this.state !== 'missing' && this.state !== 'slow';
  }

  /** It is there again, and is being brought in order: that may take minutes. */
  get admitting(): boolean {
    return this.#admitting;
  }

  /** Nothing but an attempt will tell whether it takes recordings. */
  get worthTrying(): boolean {
    return this.#failure === null || (!this.#seen && !this.guard.hung);
  }

  /** Writing failed. What is no failure of the disk changes nothing. */
  failed(error: CodedError): void {
    if (!Object.hasOwn(STATES, error.code)) return;
    const now = this.#options.clock.monotonic();
    if (!this.#failure && now - this.#okSince > PROVED_MS) this.#backoff.reset();
    this.#probeAt = now + this.#backoff.next();
    this.#set(error, false);
  }

  /** Looks at it now; one look at a time. `soon`: without waiting for the time of the next try. */
  look(soon = false): Promise<void> {
    if (soon) this.#probeAt = 0;
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { root } = this.folder;
    if (this.guard.hung) return this.#set(slow(root), true);
    try {
      await this.guard.run(() => this.#checkMarker());
      await this.guard.run(() => this.#measure());
    } catch (error) {
      return this.#set(writeFailure(error, root), true);
    }
    const now = this.#options.clock.monotonic();
    if (!this.#failure || now < this.#probeAt) return;
    try {
      if (this.#failure.code !== 'disk-missing') await this.guard.run(() => this.#probe());
      // A writer may still be at work on what it had open when the disk went away.
      if (this.#wasAway && this.guard.openFiles > 0) return;
      if (this.#wasAway) await this.#admit();
      this.#wasAway = false;
      this.#okSince = this.#options.clock.monotonic();
      this.#set(null, false);
    } catch (error) {
      this.failed(writeFailure(error, root));
    }
  }

  async #admit(): Promise<void> {
    this.#admitting = true;
    try {
      await this.#options.admit();
    } finally {
      this.#admitting = false;
    }
  }

  async #checkMarker(): Promise<void> {
    const installation = this.#options.installation();
    if (installation === null) return;
    const { key, root } = this.folder;
    const found = await readMarker(root);
    if (found?.id === installation && found.folder === key) return;
    const what = found
      ? 'other recordings are there'
      : (await exists(root))
        ? 'the mark that Keyhole left there is not to be seen'
        : 'there is no such folder';
    throw new CodedError(
      'disk-missing',
      `The storage folder ${root} is not connected: ${what}. Connect its disk; nothing of its recordings was given up.`,
    );
  }

  async #measure(): Promise<void> {
    const { root } = this.folder;
    const { bavail, blocks, bsize } = await statfs(root);
    this.#free = bavail * bsize;
    this.#total = blocks * bsize;
    const headroom = this.#options.headroomBytes ?? headroomOf(this.#total);
    if (this.#free < (this.state === 'full' ? headroom * ROOM_AGAIN : headroom)) throw diskFull(root);
  }

  /** Small, and all the way to the disk. */
  async #probe(): Promise<void> {
    const { disk } = this.#options;
    const path = join(this.folder.root, RECORDINGS_DIR, PROBE_FILE);
    // Left by a process that was killed.
    await disk.unlink(path).catch(() => {});
    const file = await disk.open(path, 'new');
    try {
      await file.writev([new Uint8Array(4096)], 0);
      await file.datasync();
    } finally {
      await file.close().finally(() => disk.unlink(path));
    }
  }

  #set(failure: CodedError | null, seen: boolean): void {
    this.#seen = seen;
    if (failure && failure.code !== 'disk-full') this.#wasAway = true;
    // Each camera that tries says the same in its own words.
    if (this.#failure?.code === failure?.code) return;
    this.#failure = failure;
    const { log } = this.#options;
    const { root, key } = this.folder;
    if (failure) log.error(`a storage folder takes no recordings: ${failure.message}`, { folder: root, key, code: failure.code });
    else log.info('a storage folder takes recordings again', { folder: root, key });
    this.#options.changed();
  }
}

function slow(root: string): CodedError {
  return new CodedError('disk-slow', `The disk that holds ${root} does not answer: check its cable, or the network it is on.`);
}
