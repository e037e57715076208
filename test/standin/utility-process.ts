import { EventEmitter } from 'node:events';
import { pathToFileURL } from 'node:url';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { parcel, type Parcel } from './ports.ts';

/** Electron's utilityProcess as a worker thread that believes it is one. */
class UtilityProcess extends EventEmitter {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #worker: Worker;

  constructor(entry: string, args: readonly string[], options: { stdio?: string }) {
    super();
    const pipe = options.stdio === 'pipe';
    this.#worker = new Worker(new URL('./utility-bootstrap.ts', import.meta.url), {
      argv: [...args],
      workerData: { entry: pathToFileURL(entry).href },
      stdout: pipe,
      stderr: pipe,
    });
    this.stdout = pipe ? this.#worker.stdout : null;
    this.stderr = pipe ? this.#worker.stderr : null;
    this.#worker.on('message', ({ data }: Parcel) => this.emit('message', data));
    this.#worker.on('error', (error) => process.stderr.write(`utility process: ${error instanceof Error ? error.stack : String(error)}\n`));
    this.#worker.once('exit', (code) => this.emit('exit', code));
  }

  postMessage(data: unknown, transfer: readonly unknown[] = []): void {
    this.#worker.postMessage(...parcel(data, transfer));
  }

  kill(): boolean {
    void this.#worker.terminate();
    return true;
  }
}

export const utilityProcess = {
  fork: (entry: string, args: readonly string[] = [], options: { stdio?: string } = {}) => new UtilityProcess(entry, args, options),
};
