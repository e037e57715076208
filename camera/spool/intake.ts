import type { Clock } from '../../electron/base/clock.ts';
import type { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import type { AccessUnit, Fragment } from '../../electron/media/access-unit.ts';
import { RemuxFeed, type RemuxFactory } from '../../electron/segment/remux-feed.ts';
import type { SegmentDisk } from '../../electron/segment/disk.ts';
import type { NewSegment } from '../../electron/segment/segment.ts';
import { SegmentCutter } from '../../electron/segment/segment-cutter.ts';
import { SegmentWriter } from '../../electron/segment/segment-writer.ts';
import { SoundWait } from '../../electron/segment/sound-wait.ts';
import type { BootClock } from './boot-clock.ts';
import type { SpoolEntry } from './catalog.ts';

/** Waiting for the disk, bytes; beyond it pictures are left out up to the next keyframe, and counted. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** A disk that failed is tried again after this, ms. */
export const RETRY_MS = 5_000;
/** Files that were begun and are not closed, and some of late. */
const MAX_BEGUN = 64;
/** By so much the writer may move a start to find a free name, and no more, ms. */
const MOST_MOVED_MS = 1_000;

export interface SpoolIntakeOptions {
  readonly root: string;
  readonly camera: string;
  readonly disk: SegmentDisk;
  readonly segmentMs: number;
  readonly remux: RemuxFactory;
  readonly bootClock: BootClock;
  readonly clock: Clock;
  readonly log: Log;
  /** A file is complete on the disk. */
  readonly onClosed: (entry: SpoolEntry) => Promise<void>;
  /** Writing failed; null: some was written, whatever failed before. */
  readonly onFailed: (error: CodedError | null) => void;
}

/** Brings what the source delivers into files, in the background: what the disk does not take in time is left out and counted. */
export class SpoolIntake {
  readonly #options: SpoolIntakeOptions;
  readonly #cutter: SegmentCutter;
  readonly #writer: SegmentWriter;
  readonly #remux: RemuxFeed;
  readonly #sound = new SoundWait();
  /** By the start of a file that was begun: where the wall clock stood. */
  readonly #begun: { readonly start: number; readonly clock: SpoolEntry['clock'] }[] = [];
  /** After a failure. `retried`: pictures are taken again, from a keyframe on, and are not on the disk yet. */
  #retry: { readonly at: number; retried: boolean } | null = null;
  #paused = false;
  #overflowing = false;
  #dropped = 0;

  constructor(options: SpoolIntakeOptions) {
    const { clock, log, camera, root, disk, segmentMs, remux, onFailed } = options;
    this.#options = options;
    this.#cutter = new SegmentCutter(0, () => segmentMs);
    this.#writer = new SegmentWriter({
      camera: { id: camera, key: 0 },
      register: { list: (segment) => options.onClosed(this.#toEntry(segment)) },
      folder: () => Promise.resolve({ key: 0, root }),
      disk,
      clock,
      log,
      onWritten: () => {
        this.#retry = null;
        onFailed(null);
      },
      onFailed: (error) => {
        this.#cutter.stop();
        this.#retry = { at: clock.monotonic() + RETRY_MS, retried: false };
        onFailed(error);
      },
    });
    this.#remux = new RemuxFeed({
      create: remux,
      clock,
      log,
      onFragment: (unit) => this.#take(unit),
      onLost: () => this.#writer.write(this.#cutter.stop()),
    });
  }

  /** Units that were left out since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** One frame of the source. Never blocks. */
  push(unit: AccessUnit): void {
    if (hasFragment(unit)) this.#take(unit);
    else for (const ready of this.#sound.take(unit)) this.#remux.push(ready);
  }

  /** Ends the file that is open; what comes is left out until `resume`. */
  pause(): void {
    this.#paused = true;
    this.#writer.write(this.#cutter.stop());
  }

  /** The next keyframe begins a file, whatever failed before. */
  resume(): void {
    this.#paused = false;
    this.#retry = null;
  }

  /** Resolves when all that was pushed is on the disk. */
  async settled(): Promise<void> {
    await this.#writer.settled();
  }

  /** Resolves when all that was pushed is on the disk, and the last file is closed. */
  async close(): Promise<void> {
    for (const waiting of this.#sound.flush()) this.#remux.push(waiting);
    await this.#remux.close();
    this.#writer.write(this.#cutter.stop());
    await this.#writer.close();
  }

  #take(unit: AccessUnit & { readonly fragment: Fragment }): void {
    const key = unit.config.kind === 'video' && unit.key;
    if (this.#paused || !this.#mayTry(key) || this.#isTooMuch(key)) {
      this.#dropped += 1;
      return;
    }
    const events = this.#cutter.take(unit);
    const { bootClock } = this.#options;
    for (const event of events) {
      if (event.kind !== 'begin') continue;
      this.#begun.push({ start: event.start, clock: { boot: bootClock.boot, startedAt: bootClock.startedAt() } });
      if (this.#begun.length > MAX_BEGUN) this.#begun.shift();
    }
    this.#writer.write(events);
  }

  /** After a failure not before its time, and from a keyframe on. */
  #mayTry(key: boolean): boolean {
    const retry = this.#retry;
    if (retry && !retry.retried) retry.retried = key && this.#options.clock.monotonic() >= retry.at;
    return retry?.retried ?? true;
  }

  #isTooMuch(key: boolean): boolean {
    const { queuedBytes } = this.#writer;
    const wasTooMuch = this.#overflowing;
    this.#overflowing = wasTooMuch ? !key || queuedBytes > MAX_QUEUED_BYTES / 2 : queuedBytes > MAX_QUEUED_BYTES;
    if (this.#overflowing && !wasTooMuch) {
      this.#options.log.warn('the spool’s disk is too slow: pictures are left out', { queuedBytes });
      this.#writer.write(this.#cutter.stop());
    }
    return this.#overflowing;
  }

  #toEntry({ start, end, bytes, hash }: NewSegment): SpoolEntry {
    const begun = this.#begun.findLast((other) => other.start <= start && start - other.start < MOST_MOVED_MS);
    return { key: start, end, bytes, hash: hash && Buffer.from(hash), clock: begun?.clock ?? null };
  }
}

function hasFragment(unit: AccessUnit): unit is AccessUnit & { readonly fragment: Fragment } {
  return unit.fragment !== undefined;
}
