import type { Clock, Timer } from '../electron/base/clock.ts';
import type { Log } from '../electron/base/log.ts';
import { Backoff } from '../electron/base/retry.ts';
import type { Program, SpawnProgram } from './program.ts';

/** Longest line of a child that is looked at. */
const MAX_LINE = 64 * 1024;

interface KeptProgramDeps {
  readonly name: string;
  /** The command's arguments; `attempt` counts the starts in a row that ended without printing an event. */
  readonly args: (attempt: number) => readonly string[];
  /** Each JSON line that the command prints. */
  readonly event: (event: Record<string, unknown>) => void;
  readonly spawn: SpawnProgram;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps one `keyhole` command running: started again with growing delays whenever it ends, until closed. */
export class KeptProgram {
  readonly #deps: KeptProgramDeps;
  readonly #backoff = new Backoff({ firstMs: 500, capMs: 15_000 });
  #program: Program | undefined;
  #timer: Timer | undefined;
  #fruitless = 0;
  #closed = false;

  constructor(deps: KeptProgramDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#closed || this.#program) return;
    const { name, args, spawn, clock, log } = this.#deps;
    this.#program = spawn(args(this.#fruitless++), {
      line: (text) => this.#line(text),
      exit: (why) => {
        this.#program = undefined;
        if (this.#closed) return;
        const ms = this.#backoff.next();
        log.warn(`${name} ended and is started again`, { why, inMs: Math.round(ms) });
        this.#timer = clock.setTimeout(() => this.start(), ms);
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#program?.stop();
  }

  #line(text: string): void {
    if (text.length > MAX_LINE) return;
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof event !== 'object' || event === null || this.#closed) return;
    this.#backoff.reset();
    this.#fruitless = 0;
    this.#deps.event({ ...event });
  }
}
