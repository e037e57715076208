import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../base/clock.ts';
import { entryUrl } from '../base/entry.ts';
import { CodedError, fromWire, type WireError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CopyReport } from './copy.ts';
import type { WorkerSetup } from './interface.ts';
import { DATABASE_COPIES } from './layout.ts';

const DAY_MS = 86_400_000;
/** The start has other things to do, milliseconds. */
const FIRST_AFTER_MS = 600_000;
const RETRY_MS = 3_600_000;

export interface DatabaseCopiesOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The daily check found damage that no query has met yet. */
  readonly onFailure: (error: CodedError) => void;
}

/** Checks the whole database once a day and keeps its last two copies, in a thread of its own. */
export class DatabaseCopies {
  readonly counters = { copies: 0, failures: 0 };
  readonly #options: DatabaseCopiesOptions;
  #timer: Timer | null = null;
  #worker: Worker | null = null;
  #closed = false;

  constructor(options: DatabaseCopiesOptions) {
    this.#options = options;
  }

  /** Idempotent. */
  start(): void {
    if (!this.#timer) this.#arm(Math.max(FIRST_AFTER_MS, DAY_MS - this.#age()));
  }

  /** A copy under way is finished, or ends with the process; nobody waits for it. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#worker?.unref();
  }

  /** Checks and copies now. @throws CodedError `database-corrupt`, `disk-full`, `closed` */
  async copy(): Promise<CopyReport> {
    const setup: WorkerSetup = { dataDir: this.#options.dataDir, mode: 'copy' };
    const worker = new Worker(entryUrl(import.meta.url, './worker.ts', 'storage-worker'), { workerData: setup, name: 'storage-copy' });
    this.#worker = worker;
    try {
      return await new Promise((resolve, reject) => {
        worker.once('message', (message: { copied: CopyReport } | { failed: WireError }) => {
          if ('copied' in message) resolve(message.copied);
          else reject(fromWire(message.failed));
        });
        worker.once('error', reject);
        worker.once('exit', () => reject(new CodedError('closed', 'The copy of the index was given up.')));
      });
    } finally {
      this.#worker = null;
    }
  }

  /** Milliseconds since the last copy. A file's time, so by the system's clock. */
  #age(): number {
    try {
      return Math.max(0, Date.now() - statSync(join(this.#options.dataDir, DATABASE_COPIES[0] ?? '')).mtimeMs);
    } catch {
      return Infinity;
    }
  }

  #arm(ms: number): void {
    this.#timer = this.#options.clock.setTimeout(() => void this.#due(), ms);
  }

  async #due(): Promise<void> {
    const { log, onFailure } = this.#options;
    try {
      const { bytes, checkMs, copyMs } = await this.copy();
      this.counters.copies += 1;
      log.info('the index was checked and copied', { bytes, checkMs: Math.round(checkMs), copyMs: Math.round(copyMs) });
      if (!this.#closed) this.#arm(DAY_MS);
    } catch (error) {
      if (this.#closed) return;
      this.counters.failures += 1;
      log.warn('the index could not be copied', { error: error instanceof Error ? error.message : String(error) });
      if (error instanceof CodedError && error.code === 'database-corrupt') return onFailure(error);
      this.#arm(RETRY_MS);
    }
  }
}
