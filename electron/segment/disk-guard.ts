import type { Clock, Timer } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { DiskFile, SegmentDisk } from './disk.ts';

/** Operations of one folder that the system works on at a time. Each holds one of the process's threads for files until it is done. */
const MAX_ACTIVE = 4;
/** Beyond it an operation is refused; 64 cameras have at most a few each. */
const MAX_WAITING = 512;
/** A disk that has not answered for so long hangs, milliseconds: longer than one takes to spin up. */
const PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 1_000;

export interface DiskGuardOptions {
  readonly disk: SegmentDisk;
  readonly clock: Clock;
  /** For words: the folder. */
  readonly where: string;
  readonly patienceMs?: number | undefined;
  /** Whether footage could go elsewhere: then a write that hangs is given up, else it waits for the disk. */
  readonly elsewhere: () => boolean;
  /** It hangs, or answers again. */
  readonly onHung: (hung: boolean) => void;
}

interface Task {
  readonly run: () => Promise<void>;
  readonly giveUp: () => void;
  /** A write: what it holds is lost when it is given up. */
  readonly patient: boolean;
  /** Nobody waits for it any more once it is given up, but it is done in the end. */
  readonly kept: boolean;
  timer: Timer | null;
}

/**
 * Stands before one folder's disk, so that a disk that hangs (a dead NAS, a bad cable) holds a few threads and not all that the process has: few
 * operations at a time, the others wait here; when one does not come back, nothing more is asked of the disk until it does. What was given up
 * may still happen later.
 */
export class DiskGuard implements SegmentDisk {
  readonly counters = { hangs: 0, refused: 0 };
  readonly #options: DiskGuardOptions;
  readonly #active = new Set<Task>();
  readonly #late = new Set<Task>();
  readonly #waiting: Task[] = [];
  #files = 0;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** An operation has not come back for too long. */
  get hung(): boolean {
    return this.#late.size > 0;
  }

  /** Files that are open for writing. */
  get openFiles(): number {
    return this.#files;
  }

  get activeOperations(): number {
    return this.#active.size;
  }

  /** Any operation on this folder's files. @throws CodedError `disk-slow` when the disk hangs, and whatever `operation` throws */
  run<T>(operation: () => Promise<T>, patient = false): Promise<T> {
    if ((this.hung && this.#mayGiveUp(patient)) || this.#waiting.length >= MAX_WAITING) {
      this.counters.refused += 1;
      return Promise.reject(this.#slow());
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        run: () => operation().then(resolve, reject),
        giveUp: () => reject(this.#slow()),
        patient,
        kept: false,
        timer: null,
      });
      this.#pump();
    });
  }

  async open(path: string, as: 'new' | 'existing'): Promise<DiskFile> {
    const { disk } = this.#options;
    let wanted = true;
    const opening = this.run(async () => {
      const file = await disk.open(path, as);
      // It came when nobody waited any more: nothing is in it.
      if (!wanted)
        void file
          .close()
          .then(() => (as === 'new' ? disk.unlink(path) : undefined))
          .catch(() => {});
      return file;
    }, true);
    const file = await opening.catch((error: unknown) => {
      wanted = false;
      throw error;
    });
    this.#files += 1;
    return {
      writev: (parts, position) => this.run(() => file.writev(parts, position), true),
      datasync: () => this.run(() => file.datasync(), true),
      truncate: (bytes) => this.run(() => file.truncate(bytes), true),
      close: () => this.#close(file),
    };
  }

  makeFolder(path: string): Promise<string | undefined> {
    return this.run(() => this.#options.disk.makeFolder(path), true);
  }

  unlink(path: string): Promise<void> {
    return this.run(() => this.#options.disk.unlink(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.run(() => this.#options.disk.rename(from, to), true);
  }

  syncFolder(path: string): Promise<void> {
    return this.run(() => this.#options.disk.syncFolder(path), true);
  }

  /** Never refused: a file that is given up is closed when the disk answers again. */
  #close(file: DiskFile): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const closed = () => (this.#files -= 1);
      const run = () => file.close().finally(closed).then(resolve, reject);
      this.#waiting.push({ run, giveUp: resolve, patient: false, kept: true, timer: null });
      if (this.hung) resolve();
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.hung && this.#active.size < MAX_ACTIVE) {
      const task = this.#waiting.shift();
      if (!task) return;
      this.#active.add(task);
      this.#watch(task, this.#options.patienceMs ?? PATIENCE_MS);
      void task.run().finally(() => this.#done(task));
    }
  }

  #watch(task: Task, ms: number): void {
    task.timer = this.#options.clock.setTimeout(() => {
      const first = !this.hung;
      this.#late.add(task);
      if (first) {
        this.counters.hangs += 1;
        this.#options.onHung(true);
      }
      this.#giveUp();
      this.#watch(task, LOOK_AGAIN_MS);
    }, ms);
  }

  /** All that waits on a disk that hangs, but writes that have nowhere else to go. */
  #giveUp(): void {
    for (const task of this.#late) if (this.#mayGiveUp(task.patient)) task.giveUp();
    for (const task of this.#waiting.splice(0)) {
      const given = this.#mayGiveUp(task.patient);
      if (given) task.giveUp();
      if (!given || task.kept) this.#waiting.push(task);
    }
  }

  #done(task: Task): void {
    task.timer?.cancel();
    this.#active.delete(task);
    const wasHung = this.hung;
    this.#late.delete(task);
    if (wasHung && !this.hung) this.#options.onHung(false);
    this.#pump();
  }

  #mayGiveUp(patient: boolean): boolean {
    return !patient || this.#options.elsewhere();
  }

  #slow(): CodedError {
    return new CodedError(
      'disk-slow',
      `The disk that holds ${this.#options.where} has not answered for ${(this.#options.patienceMs ?? PATIENCE_MS) / 1000} s: check its cable, or the network it is on.`,
    );
  }
}
