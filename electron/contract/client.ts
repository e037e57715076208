import { CodedError, fromWire } from '../base/errors.ts';
import type { CallArgs, CallName, CallReply, StreamName, Streams } from './api.ts';
import type { Port, ServerMessage } from './wire.ts';

// The page knows only the contract; these two of base belong to speaking it: what a call fails with, when to try again.
export { asCoded, CodedError } from '../base/errors.ts';
export { Backoff } from '../base/retry.ts';

/** Items a stream's reader grants ahead. */
const DEFAULT_CREDIT = 32;

export interface Subscription {
  close(): void;
}

export interface StreamHandlers<N extends StreamName> {
  /** The next credit is granted when the returned promise resolves, or at once: a slow reader slows its stream only. */
  item(value: Streams[N]['item'], bytes: Uint8Array | undefined): void | Promise<void>;
  /** Once: the stream is over, by the engine's will or because the connection broke. */
  end?(error: CodedError | undefined): void;
}

/** Speaks the contract over one port: calls with replies, streams with credits. */
export class EngineClient {
  readonly #port: Port;
  #nextId = 1;
  #closed = false;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #streams = new Map<number, (message: ServerMessage | undefined) => void>();
  readonly #closeListeners = new Set<() => void>();

  constructor(port: Port) {
    this.#port = port;
    port.onMessage((message) => this.#receive(message as ServerMessage));
    port.onClose(() => this.#lost());
  }

  get closed(): boolean {
    return this.#closed;
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.add(listener);
  }

  /** Rejects with a CodedError; `closed` when the connection breaks before the reply. */
  call<N extends CallName>(name: N, args: CallArgs<N>): Promise<CallReply<N>> {
    if (this.#closed) return Promise.reject(closedError());
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#port.post({ t: 'call', id, name, args });
    }) as Promise<CallReply<N>>;
  }

  open<N extends StreamName>(name: N, args: Streams[N]['args'], handlers: StreamHandlers<N>, credit = DEFAULT_CREDIT): Subscription {
    const id = this.#nextId++;
    if (this.#closed) {
      queueMicrotask(() => handlers.end?.(closedError()));
      return { close: () => {} };
    }
    const grant = () => {
      if (this.#streams.has(id) && !this.#closed) this.#port.post({ t: 'credit', id, n: 1 });
    };
    this.#streams.set(id, (message) => {
      if (message?.t === 'item') {
        const done = handlers.item(message.value as Streams[N]['item'], message.bytes);
        if (done) void done.finally(grant);
        else grant();
        return;
      }
      this.#streams.delete(id);
      if (!message) handlers.end?.(closedError());
      else handlers.end?.('error' in message && message.error ? fromWire(message.error) : undefined);
    });
    this.#port.post({ t: 'open', id, name, args, credit });
    return {
      close: () => {
        if (this.#streams.delete(id) && !this.#closed) this.#port.post({ t: 'close', id });
      },
    };
  }

  close(): void {
    this.#port.close();
    this.#lost();
  }

  #receive(message: ServerMessage): void {
    if (message.t === 'item' || message.t === 'end') {
      this.#streams.get(message.id)?.(message);
      return;
    }
    // A stream that could not be opened fails like a call.
    if (message.t === 'fail' && this.#streams.has(message.id)) {
      this.#streams.get(message.id)?.({ t: 'end', id: message.id, error: message.error });
      return;
    }
    const call = this.#calls.get(message.id);
    if (!call) return;
    this.#calls.delete(message.id);
    if (message.t === 'fail') call.reject(fromWire(message.error));
    else call.resolve(message.bytes ? { value: message.value, bytes: message.bytes } : message.value);
  }

  #lost(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#calls.values()) call.reject(closedError());
    this.#calls.clear();
    for (const stream of [...this.#streams.values()]) stream(undefined);
    this.#streams.clear();
    for (const listener of this.#closeListeners) listener();
  }
}

function closedError(): CodedError {
  return new CodedError('closed', 'The connection to the recording engine is closed. It is opened again by itself.');
}
