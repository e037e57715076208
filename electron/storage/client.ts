import { Worker } from 'node:worker_threads';
import { entryUrl } from '../base/entry.ts';
import { Emitter } from '../base/emitter.ts';
import { CodedError, fromWire, type WireError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { OpenReport, StorageArgs, StorageCall, StorageReply, WorkerSetup } from './interface.ts';

/** Calls waiting for an answer; beyond it a call fails with `too-busy` instead of growing memory. */
const MAX_PENDING = 1_000;
/** A query slower than this is logged, milliseconds. */
const SLOW_MS = 100;

export interface StorageOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** For commands that only look, also while the app runs: takes no lock, changes nothing. */
  readonly readOnly?: boolean;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: WireError;
  /** It was done, but the copy of cameras and settings beside the database could not be written. */
  readonly backupFailed?: WireError;
  readonly ms: number;
}
type WorkerMessage = Answer | { readonly opened: OpenReport } | { readonly failed: WireError };

interface Pending {
  readonly name: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The database, asked from another thread: `await storage.call('locate', { camera, at })`. */
export class Storage {
  readonly report: OpenReport;
  readonly dataDir: string;
  /** The database turned out to be broken while in use, or its thread died: the engine should start anew. */
  readonly onFailure = new Emitter<CodedError>();
  readonly counters = { calls: 0, slow: 0, failed: 0, refused: 0, busyMs: 0 };
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #closed: Promise<void> | null = null;
  #ended = false;

  private constructor(worker: Worker, report: OpenReport, options: StorageOptions) {
    this.#worker = worker;
    this.report = report;
    this.dataDir = options.dataDir;
    this.#log = options.log;
    worker.on('message', (message: WorkerMessage) => {
      if ('id' in message) this.#answer(message);
    });
    worker.on('error', (error) => this.#lost(`The storage thread failed: ${error.message}`));
    worker.on('exit', () => this.#lost('The storage thread ended.'));
  }

  /** Errors: `data-unwritable`, `data-in-use`, `database-newer`, `disk-full`. A broken database is set aside: see `report`. */
  static open(options: StorageOptions): Promise<Storage> {
    const worker = new Worker(entryUrl(import.meta.url, './worker.ts', 'storage-worker'), {
      workerData: { dataDir: options.dataDir, mode: options.readOnly ? 'read' : 'own' } satisfies WorkerSetup,
      name: 'storage',
    });
    return new Promise((resolve, reject) => {
      const settle = () => worker.off('error', failed).off('exit', ended).off('message', answered);
      // It ends by itself then.
      const failed = (error: Error) => {
        settle();
        reject(error);
      };
      const ended = () => failed(new CodedError('internal', 'The storage thread ended before it opened the database.'));
      const answered = (message: WorkerMessage) => {
        if ('failed' in message) return failed(fromWire(message.failed));
        if (!('opened' in message)) return failed(new CodedError('internal', 'The storage thread answered out of turn.'));
        settle();
        const { setAside } = message.opened;
        if (setAside) options.log.warn('the database was damaged: it was set aside and is rebuilt from the recordings', { kept: setAside });
        resolve(new Storage(worker, message.opened, options));
      };
      worker.on('error', failed).on('exit', ended).on('message', answered);
    });
  }

  /** Errors: those of the query, `too-busy`, `closed`, `disk-full`, `database-corrupt`. */
  call<N extends StorageCall>(name: N, args: StorageArgs<N>): Promise<StorageReply<N>> {
    if (this.#closed) return Promise.reject(new CodedError('closed', 'The database is closed.'));
    return this.#post(name, args) as Promise<StorageReply<N>>;
  }

  /**
   * Waits for the calls under way, closes, and waits for the thread to end by itself: one that is terminated while SQLite's addon is
   * taken down can take the whole process with it. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise((resolve) => this.#worker.once('exit', resolve));
    try {
      await this.#post('close', null);
      await gone;
    } catch (error) {
      this.#log.warn('the database did not close cleanly', { error: error instanceof Error ? error.message : String(error) });
    }
    this.#ended = true;
  }

  #post(name: StorageCall | 'close', args: unknown): Promise<unknown> {
    if (this.#ended) return Promise.reject(new CodedError('closed', 'The storage thread ended.'));
    // Closing is never refused: the thread would keep the folder locked.
    if (this.#pending.size >= MAX_PENDING && name !== 'close') {
      this.counters.refused += 1;
      return Promise.reject(new CodedError('too-busy', 'The database is behind with its work: try again in a moment.'));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { name, resolve, reject });
      this.#worker.postMessage({ id, name, args });
    });
  }

  #answer(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (!pending) return;
    this.#pending.delete(answer.id);
    this.counters.calls += 1;
    this.counters.busyMs += answer.ms;
    if (answer.ms > SLOW_MS) {
      this.counters.slow += 1;
      this.#log.warn('slow query', { query: pending.name, ms: Math.round(answer.ms) });
    }
    if (answer.backupFailed)
      this.#log.warn('the copy of cameras and settings could not be written: the next change tries it again', {
        error: answer.backupFailed.message,
      });
    if (!answer.error) return pending.resolve(answer.value);
    this.counters.failed += 1;
    const error = fromWire(answer.error);
    pending.reject(error);
    if (error.code === 'database-corrupt') this.onFailure.emit(error);
  }

  #lost(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = new CodedError('internal', why);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (!this.#closed) this.onFailure.emit(error);
  }
}
