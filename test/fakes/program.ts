import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const MAX_LOG = 500;

export type ProgramEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

interface ProgramOptions {
  /** What runs; `keyhole`, from the sources, unless said. */
  readonly command?: readonly string[];
  /** The network namespace it runs in. */
  readonly namespace?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** One of Keyhole's programs as a process of its own, the way a user's script would run it. */
export class Program {
  readonly child: ChildProcess;
  readonly name: string;
  readonly #events: ProgramEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #output: string[] = [];
  readonly #log: string[] = [];
  readonly exited: Promise<number | NodeJS.Signals>;
  #done = false;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    this.name = args.join(' ');
    const command = [...(options.command ?? [process.execPath, '--disable-warning=ExperimentalWarning', CLI]), ...args];
    if (options.namespace) command.unshift('ip', 'netns', 'exec', options.namespace);
    const [file = '', ...rest] = command;
    const child = spawn(file, rest, {
      // A run of tests that is killed closes the pipe, and leaves nobody behind.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, KEYHOLE_ENDS_WITH_STDIN: '1', ...options.env },
      cwd: options.cwd,
    });
    this.child = child;
    createInterface(child.stdout).on('line', (line) => {
      keep(this.#output, line);
      if (!line.startsWith('{')) return;
      this.#events.push(JSON.parse(line) as ProgramEvent);
      this.#wake();
    });
    createInterface(child.stderr).on('line', (line) => keep(this.#log, line));
    this.exited = new Promise((resolve) =>
      child.on('close', (code, signal) => {
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

  /** The last lines of its stdout. */
  get output(): string {
    return this.#output.join('\n');
  }

  /** The last lines of its stderr. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** SIGTERM, and its exit code; SIGKILL when it does not end in 10 s. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    if (this.#done) return this.exited;
    this.child.kill(signal);
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

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > MAX_LOG) lines.shift();
}
