import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const MAX_LOG = 200;

export type ProgramEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** One of Keyhole's programs as a process of its own, the way a user's script would run it. */
export class Program {
  readonly child: ChildProcess;
  readonly name: string;
  readonly #events: ProgramEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #log: string[] = [];
  readonly exited: Promise<number | NodeJS.Signals>;
  #done = false;

  /** `namespace`: the network namespace it runs in. */
  constructor(args: readonly string[], options: { namespace?: string | undefined } = {}) {
    this.name = args.join(' ');
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', CLI, ...args];
    if (options.namespace) command.unshift('ip', 'netns', 'exec', options.namespace);
    this.child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    lines(this.child.stdout!, (line) => {
      if (!line.startsWith('{')) return;
      this.#events.push(JSON.parse(line) as ProgramEvent);
      this.#wake();
    });
    lines(this.child.stderr!, (line) => {
      this.#log.push(line);
      if (this.#log.length > MAX_LOG) this.#log.shift();
    });
    this.exited = new Promise((resolve) =>
      this.child.on('close', (code, signal) => {
        this.#done = true;
        resolve(code ?? signal ?? -1);
        this.#wake();
      }),
    );
  }

  /** The first event of that name that fits, already seen or still to come. Rejects with the log when it does not come. */
  async event(name: string, fits: (event: ProgramEvent) => boolean = () => true, deadlineMs = 30_000): Promise<ProgramEvent> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const found = this.#events.find((event) => event.event === name && fits(event));
      if (found) return found;
      if (this.#done || Date.now() > deadline) {
        throw new Error(`no "${name}" event from keyhole ${this.name}\n${this.log}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 250);
        this.#waiting.add(() => (clearTimeout(timer), resolve()));
      });
    }
  }

  get events(): readonly ProgramEvent[] {
    return this.#events;
  }

  get log(): string {
    return this.#log.join('\n');
  }

  /** SIGTERM, and its exit code; SIGKILL when it does not end in 10 s. */
  async stop(): Promise<number | NodeJS.Signals> {
    if (this.#done) return this.exited;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function lines(stream: NodeJS.ReadableStream, each: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    parts.forEach(each);
  });
}
