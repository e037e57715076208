import type { z } from 'zod';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CallArgs, CallName, CallReply, StreamName, Streams } from '../contract/api.ts';
import { callSchemas, clientMessageSchema, streamSchemas } from '../contract/schema.ts';
import type { Port, ServerMessage } from '../contract/wire.ts';

/** The writing end of one open stream. `send` spends one credit; with none left nothing may be sent. */
export interface Sink<T> {
  readonly credit: number;
  /** Called when credit arrives. */
  onCredit: (() => void) | null;
  send(value: T, bytes?: Uint8Array): void;
  /** The stream is over. */
  end(error?: unknown): void;
}

export type CallHandlers = { [N in CallName]: (args: CallArgs<N>) => CallReply<N> | Promise<CallReply<N>> };
/** Each returns what stops it; called once, when the reader closes the stream or its connection breaks, not after `end`. */
export type StreamHandlers = { [N in StreamName]: (args: Streams[N]['args'], sink: Sink<Streams[N]['item']>) => () => void };

const MAX_PENDING_CALLS = 256;
const MAX_OPEN_STREAMS = 128;
const MAX_CREDIT = 4096;

/** Serves the contract on ports. Everything that arrives is checked before a handler sees it. */
export class ContractServer {
  readonly #calls: CallHandlers;
  readonly #streams: StreamHandlers;
  readonly #log: Log;
  readonly #connections = new Set<Connection>();

  constructor(calls: CallHandlers, streams: StreamHandlers, log: Log) {
    this.#calls = calls;
    this.#streams = streams;
    this.#log = log;
  }

  serve(port: Port): void {
    const connection = new Connection(port, this.#calls, this.#streams, this.#log);
    this.#connections.add(connection);
    port.onClose(() => {
      connection.stop();
      this.#connections.delete(connection);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }
}

class Connection {
  readonly #port: Port;
  readonly #calls: CallHandlers;
  readonly #streams: StreamHandlers;
  readonly #log: Log;
  readonly #open = new Map<number, OpenStream>();
  #pending = 0;
  #stopped = false;

  constructor(port: Port, calls: CallHandlers, streams: StreamHandlers, log: Log) {
    this.#port = port;
    this.#calls = calls;
    this.#streams = streams;
    this.#log = log;
    port.onMessage((message) => this.#receive(message));
  }

  #receive(raw: unknown): void {
    if (this.#stopped) return;
    const parsed = clientMessageSchema.safeParse(raw);
    if (!parsed.success) {
      this.#log.warn('closed a connection that does not speak the contract');
      this.close();
      return;
    }
    const message = parsed.data;
    if (message.t === 'call') void this.#call(message.id, message.name, message.args);
    else if (message.t === 'open') this.#openStream(message.id, message.name, message.args, message.credit);
    else if (message.t === 'credit') this.#open.get(message.id)?.grant(message.n);
    else this.#closeStream(message.id);
  }

  async #call(id: number, name: string, args: unknown): Promise<void> {
    this.#pending += 1;
    try {
      if (this.#pending > MAX_PENDING_CALLS)
        throw new CodedError('too-busy', 'Too many questions at once. Wait for answers before asking on.');
      if (!isKey(callSchemas, name)) throw new CodedError('bad-request', `There is no call "${name}".`);
      const reply: unknown = await this.#invoke(name, args);
      if (isWithBytes(reply)) this.#post({ t: 'reply', id, value: reply.value, bytes: reply.bytes });
      else this.#post({ t: 'reply', id, value: reply });
    } catch (error) {
      this.#post({ t: 'fail', id, error: this.#coded(name, error) });
    } finally {
      this.#pending -= 1;
    }
  }

  async #invoke<N extends CallName>(name: N, args: unknown): Promise<unknown> {
    const checked = check<CallArgs<N>>(callSchemas[name] as z.ZodType, args);
    return await this.#calls[name](checked);
  }

  #openStream(id: number, name: string, args: unknown, credit: number): void {
    try {
      if (this.#open.has(id)) throw new CodedError('bad-request', `Stream ${id} is open already.`);
      if (this.#open.size >= MAX_OPEN_STREAMS) throw new CodedError('too-busy', 'Too many streams at once. Close some first.');
      if (!isKey(streamSchemas, name)) throw new CodedError('bad-request', `There is no stream "${name}".`);
      this.#start(id, name, args, credit);
    } catch (error) {
      this.#open.delete(id);
      this.#post({ t: 'fail', id, error: this.#coded(name, error) });
    }
  }

  #start<N extends StreamName>(id: number, name: N, args: unknown, credit: number): void {
    const checked = check<Streams[N]['args']>(streamSchemas[name] as z.ZodType, args);
    const stream = new OpenStream(
      credit,
      (value, bytes) => this.#post({ t: 'item', id, value, ...(bytes ? { bytes } : {}) }),
      (error) => {
        if (!this.#open.delete(id)) return;
        this.#post({ t: 'end', id, ...(error === undefined ? {} : { error: this.#coded(name, error) }) });
      },
    );
    this.#open.set(id, stream);
    stream.stop = this.#streams[name](checked, stream);
  }

  #closeStream(id: number): void {
    const stream = this.#open.get(id);
    this.#open.delete(id);
    stream?.cancel();
  }

  #coded(name: string, error: unknown) {
    const coded = asCoded(error);
    if (coded.code === 'internal') this.#log.error(`${name} failed: ${coded.message}`, { stack: (error as Error).stack });
    return coded.toWire();
  }

  #post(message: ServerMessage): void {
    if (!this.#stopped) this.#port.post(message);
  }

  close(): void {
    this.stop();
    this.#port.close();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const stream of this.#open.values()) stream.cancel();
    this.#open.clear();
  }
}

class OpenStream implements Sink<unknown> {
  readonly #send: (value: unknown, bytes?: Uint8Array) => void;
  readonly #end: (error?: unknown) => void;
  #over = false;
  credit: number;
  onCredit: (() => void) | null = null;
  stop: (() => void) | null = null;

  constructor(credit: number, send: (value: unknown, bytes?: Uint8Array) => void, end: (error?: unknown) => void) {
    this.credit = credit;
    this.#send = send;
    this.#end = end;
  }

  send(value: unknown, bytes?: Uint8Array): void {
    if (this.#over) return;
    if (this.credit <= 0) throw new Error('a stream was written to without credit');
    this.credit -= 1;
    this.#send(value, bytes);
  }

  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#end(error);
  }

  grant(n: number): void {
    this.credit = Math.min(MAX_CREDIT, this.credit + n);
    if (!this.#over) this.onCredit?.();
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.stop?.();
  }
}

function check<T>(schema: z.ZodType, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data as T;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.');
  throw new CodedError('bad-request', `${where ? `"${where}": ` : ''}${issue?.message ?? 'not understood'}.`);
}

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}

function isWithBytes(reply: unknown): reply is { value: unknown; bytes: Uint8Array } {
  return typeof reply === 'object' && reply !== null && 'bytes' in reply && reply.bytes instanceof Uint8Array;
}
