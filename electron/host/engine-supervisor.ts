import type { Clock, Timer } from '../base/clock.ts';
import { CodedError, fromWire, type WireError } from '../base/errors.ts';
import { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { EngineMessage, EngineOptions, HostMessage } from '../engine/protocol.ts';

/** A running engine process: a worker thread or a utility process behind the same face. `P` is its kind of port. */
export interface EngineChild<P> {
  send(message: HostMessage, port?: P): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Once, however it ends. `why` is for the log. */
  onExit(listener: (why: string) => void): void;
  kill(): void;
}

/** Runs this long without dying and the next restart is quick again. */
const PROVED_AFTER_MS = 60_000;
/** Longest wait for an engine that is being restarted before a caller is told so. */
const READY_WITHIN_MS = 10_000;
/** Time the engine gets to close its files. */
const STOP_WITHIN_MS = 10_000;

/** Owns the engine process: starts it, starts it again with growing delays when it dies, and stops it in order. */
export class EngineSupervisor<P> {
  readonly #spawn: () => EngineChild<P>;
  readonly #options: EngineOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #child: EngineChild<P> | undefined;
  #ready = false;
  #started: { resolve(): void; reject(error: Error): void } | undefined;
  #startup: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #timer: Timer | undefined;
  #proved: Timer | undefined;
  #restarts = 0;
  readonly #readyListeners = new Emitter<void>();
  /** The engine cannot run and says why, after it had been ready once. It is not started again. */
  readonly onFatal = new Emitter<CodedError>();

  constructor(deps: { spawn: () => EngineChild<P>; options: EngineOptions; log: Log; clock: Clock; backoff?: Backoff }) {
    this.#spawn = deps.spawn;
    this.#options = deps.options;
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#backoff = deps.backoff ?? new Backoff();
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Times the engine died and was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when the engine is ready. Rejects with what the engine calls fatal, or when it dies before it was ever ready. */
  start(): Promise<void> {
    this.#startup ??= new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      this.#launch();
    });
    return this.#startup;
  }

  /** Hands a port to the engine; waits while it is being restarted, at most 10 s: then `engine-restarted`. */
  async connect(port: P): Promise<void> {
    if (!this.#ready) await this.#untilReady();
    if (!this.#child) throw restarting();
    this.#child.send({ kind: 'port' }, port);
  }

  /** Tells the engine what the computer is about to do. Not kept for an engine that is not running. */
  tell(message: Extract<HostMessage, { kind: 'power' }>): void {
    if (this.#ready) this.#child?.send(message);
  }

  close(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    this.#proved?.cancel();
    const child = this.#child;
    if (!child) return;
    await new Promise<void>((resolve) => {
      const patience = this.#clock.setTimeout(() => {
        this.#log.warn('the engine did not stop in time and is ended');
        child.kill();
        resolve();
      }, STOP_WITHIN_MS);
      const done = () => {
        patience.cancel();
        resolve();
      };
      child.onExit(done);
      child.onMessage((message) => {
        if ((message as EngineMessage).kind !== 'stopped') return;
        // Every file is closed; nothing that still keeps the process alive is worth waiting for.
        child.kill();
        done();
      });
      child.send({ kind: 'shutdown' });
    });
  }

  #launch(): void {
    const child = this.#spawn();
    this.#child = child;
    let fatal: CodedError | undefined;
    child.onMessage((raw) => {
      const message = raw as EngineMessage;
      if (message.kind === 'ready') this.#nowReady();
      else if (message.kind === 'fatal') fatal = fromWire(wireErrorOf(message.error));
      if (!fatal) return;
      child.kill();
      if (!this.#stopping) this.#giveUp(fatal);
    });
    child.onExit((why) => {
      this.#child = undefined;
      this.#ready = false;
      this.#proved?.cancel();
      if (this.#stopping || fatal) return;
      if (this.#started) {
        this.#giveUp(new CodedError('internal', `The recording engine ended while starting (${why}).`));
        return;
      }
      const ms = this.#backoff.next();
      this.#restarts += 1;
      this.#log.error('the engine died and is started again', { why, inMs: Math.round(ms) });
      this.#timer = this.#clock.setTimeout(() => this.#launch(), ms);
    });
    child.send({ kind: 'init', options: this.#options });
  }

  #nowReady(): void {
    this.#ready = true;
    this.#started?.resolve();
    this.#started = undefined;
    this.#proved = this.#clock.setTimeout(() => this.#backoff.reset(), PROVED_AFTER_MS);
    this.#readyListeners.emit();
  }

  #giveUp(error: CodedError): void {
    this.#ready = false;
    const started = this.#started;
    this.#started = undefined;
    if (started) started.reject(error);
    else this.onFatal.emit(error);
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const off = this.#readyListeners.on(() => {
        off();
        patience.cancel();
        resolve();
      });
      const patience = this.#clock.setTimeout(() => {
        off();
        reject(restarting());
      }, READY_WITHIN_MS);
    });
  }
}

function restarting(): CodedError {
  return new CodedError('engine-restarted', 'The recording engine is being restarted. Try again in a few seconds.');
}

function wireErrorOf(error: WireError | undefined): WireError {
  return error ?? { code: 'internal', message: 'The recording engine ended without a reason.' };
}
