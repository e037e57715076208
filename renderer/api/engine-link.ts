import { Backoff, CodedError, EngineClient } from '../../electron/contract/client.ts';
import type { CallArgs, CallName, CallReply } from '../../electron/contract/api.ts';
import type { Port } from '../../electron/contract/wire.ts';
import type { PortSource } from './ports.ts';

/** `connecting`: never yet connected. `reconnecting`: was connected, or failed at least once. */
export type LinkState = 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface LinkTimers {
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

const systemTimers: LinkTimers = {
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (handle) => clearTimeout(handle as number),
};

/** Keeps one connection to the engine, opening another (with backoff) whenever it breaks. */
export class EngineLink {
  readonly #source: PortSource;
  readonly #timers: LinkTimers;
  readonly #backoff: Backoff;
  readonly #stateListeners = new Set<(state: LinkState) => void>();
  readonly #clientListeners = new Set<(client: EngineClient) => void>();
  readonly #waiting = new Set<(client: EngineClient | undefined) => void>();
  #client: EngineClient | undefined;
  #state: LinkState = 'connecting';
  #timer: unknown;
  #started = false;

  constructor(source: PortSource, options: { timers?: LinkTimers; backoff?: Backoff } = {}) {
    this.#source = source;
    this.#timers = options.timers ?? systemTimers;
    // The engine is on this machine: it is back within a second or two, and a person is watching.
    this.#backoff = options.backoff ?? new Backoff({ firstMs: 250, capMs: 5000 });
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    if (this.#started || this.#state === 'closed') return;
    this.#started = true;
    void this.#connect();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#timers.clearTimeout(this.#timer);
    this.#setState('closed');
    for (const resolve of this.#waiting) resolve(undefined);
    this.#waiting.clear();
    this.#client?.close();
    this.#client = undefined;
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Called for the present connection, if there is one, and for each later one: the place to open streams. */
  onClient(listener: (client: EngineClient) => void): () => void {
    this.#clientListeners.add(listener);
    if (this.#client) listener(this.#client);
    return () => this.#clientListeners.delete(listener);
  }

  /** The connection, as soon as there is one. Rejects only when the link is closed. */
  async ready(): Promise<EngineClient> {
    if (this.#client) return this.#client;
    const client =
      this.#state === 'closed' ? undefined : await new Promise<EngineClient | undefined>((resolve) => this.#waiting.add(resolve));
    if (!client) throw new CodedError('closed', 'The connection to the recording engine was closed.');
    return client;
  }

  /** Fails at once when there is no connection: a person is waiting for the answer. */
  call<N extends CallName>(name: N, args: CallArgs<N>): Promise<CallReply<N>> {
    if (this.#client) return this.#client.call(name, args);
    return Promise.reject(new CodedError('closed', 'The recording engine is not connected at the moment. Try again when it is back.'));
  }

  async #connect(): Promise<void> {
    let port: Port;
    try {
      port = await this.#source.open();
    } catch {
      this.#later();
      return;
    }
    if (this.#state === 'closed') {
      port.close();
      return;
    }
    const client = new EngineClient(this.#proving(port));
    this.#client = client;
    client.onClose(() => {
      if (this.#client !== client) return;
      this.#client = undefined;
      this.#later();
    });
    this.#setState('open');
    for (const resolve of this.#waiting) resolve(client);
    this.#waiting.clear();
    for (const listener of [...this.#clientListeners]) listener(client);
  }

  /** A connection has proved itself when the engine says something, not when the host accepts it. */
  #proving(port: Port): Port {
    return {
      post: (message) => port.post(message),
      onClose: (listener) => port.onClose(listener),
      close: () => port.close(),
      onMessage: (listener) =>
        port.onMessage((message) => {
          this.#backoff.reset();
          listener(message);
        }),
    };
  }

  #later(): void {
    if (this.#state === 'closed') return;
    this.#setState('reconnecting');
    this.#timer = this.#timers.setTimeout(() => void this.#connect(), this.#backoff.next());
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }
}
