import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Machine } from './machine.ts';

const MAX_LOG = 300;

/** Somebody else's server in a namespace. It ends with the process of the tests, however that ends. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  readonly #closed: Promise<void>;

  constructor(machine: Machine, command: readonly string[]) {
    // The children of who is killed live on: these do not.
    const kept = ['netns', 'exec', machine.namespace, 'setpriv', '--pdeathsig', 'KILL', ...command];
    this.#child = spawn('ip', kept, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream as NodeJS.ReadableStream).on('line', (line) => {
        this.#log.push(line);
        if (this.#log.length > MAX_LOG) this.#log.shift();
      });
    }
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** The last lines of what it said. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** Resolves when `ready` holds. @throws Error with its log when it ends before, or is not by the deadline */
  async until(ready: () => Promise<boolean>, deadlineMs = 10_000): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    while (!(await ready())) {
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`${this.#child.spawnargs.join(' ')} is not ready\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** SIGTERM, or the given; resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 3_000);
    await this.#closed;
    clearTimeout(timer);
  }
}
