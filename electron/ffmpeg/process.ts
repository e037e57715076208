import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ffmpeg from 'fluent-ffmpeg';
import type { Clock, Timer } from '../base/clock.ts';
import { redact, type Log } from '../base/log.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import { ffmpegBinary, type FfmpegBinary } from './binary.ts';
import { orphanGuard } from './orphan-guard.ts';

export interface FfmpegInput {
  /** URL, path, or `pipe:0` for what is written to the process. */
  readonly url: string;
  readonly options: readonly string[];
  /** For `pipe:0`: all that is to be read from it. */
  readonly stdin?: string;
}

export interface FfmpegProcessOptions {
  /** The one found on this machine when left out. */
  readonly binary?: FfmpegBinary | undefined;
  readonly inputs: readonly FfmpegInput[];
  /** Options of the output and then its URL, most often `pipe:1`. */
  readonly output: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each piece of stdout. Must not block: stdout is always drained, for a paused reader would stop ffmpeg. */
  readonly onOutput?: (chunk: Uint8Array) => void;
  /** Called for each line of stderr, without passwords. */
  readonly onLine?: (line: string) => void;
  /** Longest silence on stdout in ms before the process counts as stalled and is killed; none when left out. */
  readonly stallMs?: number;
  /** The same before the first output, when it may be longer. */
  readonly firstMs?: number;
  /**
   * With it the watchdog heeds `beat`, and not that anything comes out: sound may, when pictures do not. The first beat may take
   * this long, ms, once anything has come out.
   */
  readonly firstBeatMs?: number;
  /** How long a process that was asked to stop may take. */
  readonly graceMs?: number;
  /** Stops it. Nothing of it listens any more once it has ended. */
  readonly signal?: AbortSignal | undefined;
}

export interface FfmpegExit {
  /** `stop` was called before. Any other exit is a failure, whatever the exit code: ffmpeg says 0 for a camera that went away. */
  readonly asked: boolean;
  readonly stalled: boolean;
  /** It was the process that had stopped, not what it read: the operating system says so (Linux only). */
  readonly hung: boolean;
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines of stderr, without passwords. */
  readonly lines: readonly string[];
  /** Why ffmpeg could not be started at all, if so. */
  readonly error: CodedError | null;
}

const LINES_KEPT = 40;
const LINE_LENGTH = 500;
/** Bytes that may wait for a process which does not read. */
const MAX_PENDING_INPUT = 32 * 1024 * 1024;

/** One run of ffmpeg. It never throws and never emits errors: everything ends in `exited`. */
export class FfmpegProcess {
  readonly exited: Promise<FfmpegExit>;
  readonly #options: FfmpegProcessOptions;
  readonly #lines: string[] = [];
  #settle: (exit: FfmpegExit) => void = () => {};
  #child: ChildProcess | null = null;
  /** What was written before the process was there. */
  #early: Uint8Array[] | null = [];
  #earlyBytes = 0;
  #inputEnded = false;
  #started = false;
  #asked = false;
  #stalled = false;
  #hung = false;
  /** Anything came out. */
  #spoken = false;
  /** Anything of use came out. */
  #heard = false;
  #ended = false;
  /** When something of use came last, or the start; monotonic. */
  #heardAt = 0;
  #watchdog: Timer | null = null;
  #killer: Timer | null = null;
  readonly #onAbort = () => void this.stop();

  constructor(options: FfmpegProcessOptions) {
    this.#options = options;
    this.exited = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Lines of stderr so far, the last 40, without passwords. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Bytes written and not yet taken by ffmpeg. */
  get pendingInput(): number {
    return this.#earlyBytes + (this.#child?.stdin?.writableLength ?? 0);
  }

  /** Returns at once; what is written before ffmpeg runs is kept for it. */
  start(): void {
    if (this.#started || this.#ended) return;
    this.#started = true;
    this.#heardAt = this.#options.clock.monotonic();
    if (this.#options.stallMs !== undefined) this.#watch(this.#options.stallMs, this.#options.firstMs);
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    const binary = this.#options.binary ? Promise.resolve(this.#options.binary) : ffmpegBinary();
    binary.then(
      (found) => this.#run(found),
      (error: unknown) => this.#finish(null, null, asCoded(error)),
    );
  }

  #run(binary: FfmpegBinary): void {
    if (this.#asked && !this.#inputEnded) return this.#finish(null, null, null);
    if (this.#ended) return;
    const { inputs, output } = this.#options;
    const command = createCommand(binary.path);
    for (const input of inputs) {
      // Given one by one: fluent-ffmpeg splits the strings of a lone array at their spaces.
      command.input(input.url).inputOptions('-hide_banner', '-nostats', '-nostdin', ...input.options);
    }
    command.output(output.at(-1) ?? 'pipe:1').outputOptions('-flush_packets', '1', ...output.slice(0, -1));
    command.on('stderr', (line: string) => this.#onLine(line));
    // A process that ran reports its end by 'close'; this is for one that could not be started.
    command.on('error', (error: Error) => this.#child?.pid || this.#finish(null, null, notStarted(error)));
    command.on('start', () => this.#onStart(command.ffmpegProc));
    // Asked for beforehand, so that `run` starts the process at once and what it throws comes here.
    command.availableEncoders(() => {
      if (this.#ended) return;
      try {
        command.run();
      } catch (error) {
        this.#finish(null, null, notStarted(error));
      }
    });
  }

  /** False when the process does not take it: it has ended, or reads too slowly and has been killed for it. */
  write(chunk: Uint8Array): boolean {
    if (this.#ended || this.#inputEnded || this.#asked || this.#options.inputs.some(({ stdin }) => stdin !== undefined)) return false;
    if (this.pendingInput + chunk.length > MAX_PENDING_INPUT) {
      this.#stalled = true;
      this.#kill();
      return false;
    }
    if (this.#early) {
      this.#early.push(chunk);
      this.#earlyBytes += chunk.length;
    } else this.#child?.stdin?.write(chunk);
    return true;
  }

  /** Ends stdin: ffmpeg writes what it holds and exits, which then counts as asked for. */
  end(): void {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    this.#asked = true;
    if (!this.#early) this.#child?.stdin?.end();
  }

  /** Ends the process: a signal first, SIGKILL after the grace. Idempotent. */
  stop(): Promise<FfmpegExit> {
    this.#asked = true;
    if (!this.#started) this.#finish(null, null, null);
    if (this.#ended) return this.exited;
    this.#child?.kill('SIGTERM');
    this.#killer ??= this.#options.clock.setTimeout(() => this.#kill(), this.#options.graceMs ?? 2000);
    return this.exited;
  }

  /** Ends the process at once, also one that heeds nothing (it was stopped, or waits for a disk). Counts as asked for. */
  kill(): Promise<FfmpegExit> {
    this.#asked = true;
    if (!this.#started) this.#finish(null, null, null);
    this.#kill();
    return this.exited;
  }

  /** Tells the watchdog that something of use came. */
  beat(): void {
    this.#heardAt = this.#options.clock.monotonic();
    this.#heard = true;
  }

  /** One that is not there yet never comes: also what ffmpeg is asked beforehand may hang. */
  #kill(): void {
    if (this.#child) this.#child.kill('SIGKILL');
    else this.#finish(null, null, null);
  }

  #onStart(child: ChildProcess | undefined): void {
    if (!child?.stdout || !child.stdin) return this.#finish(null, null, notStarted('it has no pipes'));
    if (this.#ended) return void child.kill('SIGKILL');
    this.#child = child;
    orphanGuard.watch(child);
    // fluent-ffmpeg collects stdout as lines of text unless told to pipe it on; we take the bytes themselves.
    child.stdout.removeAllListeners('data');
    child.stdout.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    child.stdin.on('error', () => {}); // EPIPE: its end is reported by 'close'
    child.once('close', (code, signal) => this.#finish(code, signal, null));
    for (const chunk of this.#early ?? []) child.stdin.write(chunk);
    this.#early = null;
    this.#earlyBytes = 0;
    const given = this.#options.inputs.find(({ stdin }) => stdin !== undefined)?.stdin;
    if (this.#inputEnded || given !== undefined) child.stdin.end(given);
    if (this.#asked && !this.#inputEnded) child.kill('SIGTERM');
  }

  #onOutput(chunk: Uint8Array): void {
    this.#spoken = true;
    if (this.#options.firstBeatMs === undefined) this.beat();
    this.#options.onOutput?.(chunk);
  }

  #onLine(line: string): void {
    const text = redact(line.trim()).slice(0, LINE_LENGTH);
    if (text === '') return;
    this.#lines.push(text);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    this.#options.log.debug(text);
    this.#options.onLine?.(text);
  }

  /** One timer that looks when the last beat came: setting it anew for each piece of output would cost more than reading that. */
  #watch(stallMs: number, firstMs = stallMs): void {
    const { clock, firstBeatMs = firstMs } = this.#options;
    const limit = () => (this.#heard ? stallMs : this.#spoken ? firstBeatMs : firstMs);
    const arm = (afterMs: number) => {
      this.#watchdog = clock.setTimeout(() => {
        const left = this.#heardAt + limit() - clock.monotonic();
        if (left > 0) return arm(left);
        this.#stalled = true;
        this.#hung = !this.#child || isStopped(this.#child.pid);
        this.#kill();
      }, afterMs);
    };
    arm(Math.min(stallMs, firstMs));
  }

  #finish(code: number | null, signal: string | null, error: CodedError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watchdog?.cancel();
    this.#killer?.cancel();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#settle({ asked: this.#asked, stalled: this.#stalled, hung: this.#hung, code, signal, lines: [...this.#lines], error });
  }
}

/** Whether the process was stopped (a signal, a debugger) or waits for a disk that does not answer. */
function isStopped(pid: number | undefined): boolean {
  try {
    // proc(5): the state follows the name, which is in brackets.
    const [, state] = /^.*\) ([A-Za-z])/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    return state === 'T' || state === 't' || state === 'D';
  } catch {
    return false;
  }
}

/** The parts of fluent-ffmpeg's command that its types leave out. */
interface Command extends ffmpeg.FfmpegCommand {
  readonly ffmpegProc?: ChildProcess;
  _spawnFfmpeg(args: string[], options: object, onProcess: unknown, onEnd?: OnEnd): void;
}
type OnEnd = (error: Error | null, stdout?: { get(): string }, stderr?: { get(): string }) => void;

const NO_LINES = { get: () => '' };

/**
 * A command of fluent-ffmpeg. It reads the lines of a process that ended; when none could be started there are no such lines, and it
 * would throw where nobody can catch it: so it is given empty ones.
 */
function createCommand(path: string): Command {
  const command = ffmpeg({ stdoutLines: LINES_KEPT }) as Command;
  const spawn = command._spawnFfmpeg.bind(command);
  command._spawnFfmpeg = (args, options, onProcess, onEnd) =>
    onEnd
      ? spawn(args, options, onProcess, (error, stdout, stderr) => onEnd(error, stdout ?? NO_LINES, stderr ?? NO_LINES))
      : spawn(args, options, onProcess);
  command.setFfmpegPath(path);
  return command;
}

function notStarted(error: unknown): CodedError {
  const why = error instanceof Error ? error.message : String(error);
  return new CodedError('ffmpeg-failed', `ffmpeg could not be started: ${redact(why)}.`);
}
