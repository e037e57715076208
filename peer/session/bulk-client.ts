import type { Clock, Timer } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { parseJson } from '../signaling/rendezvous-messages.ts';
import type { BulkChannel } from './bulk-channel.ts';
import type { SpoolFile } from './bulk-server.ts';
import { bulkReply, CHUNK_BYTES, type BulkReply, type BulkRequest, type SpoolItem, type SpoolState } from './bulk-messages.ts';

/** Questions that may be unanswered. */
const MAX_UNANSWERED = 64;
/** Without a word for so long while something is asked the camera is taken not to answer, ms: it may have no room beside its pictures. */
const SILENCE_MS = 60_000;

/** What is asked of a camera's spool. All promises reject with a CodedError, at the latest when the session ends. */
export interface SpoolReader {
  /** A page of the closed files that reach into [from, to), by the camera's wall clock, those with keys above `after`. */
  list(range: { readonly from: number; readonly to: number; readonly after: number | null }): Promise<{
    readonly segments: readonly SpoolItem[];
    readonly more: boolean;
  }>;
  open(key: number): Promise<SpoolFile>;
  /** Exactly so many bytes. @param length at most CHUNK_BYTES */
  read(key: number, offset: number, length: number): Promise<Buffer>;
}

/** A camera's spool as it can be read now. */
export interface SpoolAccess {
  readonly reader: SpoolReader;
  readonly state: SpoolState;
  /** How far the camera's wall clock is ahead of ours, ms. */
  readonly clockOffsetMs: number;
  readonly isRelayed: boolean;
}

type Ask = BulkRequest extends infer R ? (R extends BulkRequest ? Omit<R, 'id'> : never) : never;

interface Waiting {
  readonly length: number | null;
  readonly pieces: Buffer[];
  came: number;
  readonly resolve: (answer: BulkReply | Buffer) => void;
  readonly reject: (error: CodedError) => void;
}

/** The viewer's end of the bulk channel. Whatever the camera sends that was not asked for is not kept. */
export class BulkClient implements SpoolReader {
  readonly counters = { receivedBytes: 0, rejected: 0 };
  readonly #channel: BulkChannel;
  readonly #send: (sealed: Buffer) => boolean;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #silence: Timer | null = null;
  #over: CodedError | null = null;

  /** @param send false where there is no channel */
  constructor(channel: BulkChannel, send: (sealed: Buffer) => boolean, clock: Clock) {
    this.#channel = channel;
    this.#send = send;
    this.#clock = clock;
  }

  async list(range: { from: number; to: number; after: number | null }): Promise<{ segments: readonly SpoolItem[]; more: boolean }> {
    const answer = await this.#ask({ type: 'list', ...range }, null);
    if (Buffer.isBuffer(answer) || answer.type !== 'listed') throw senseless();
    const { segments, more } = answer;
    let last = range.after ?? -1;
    for (const { key, start, end } of segments) {
      if (key <= last || end <= start) throw senseless();
      last = key;
    }
    // A page that is empty and not the last would be asked for without end.
    if (more && segments.length === 0) throw senseless();
    return { segments, more };
  }

  async open(key: number): Promise<SpoolFile> {
    const answer = await this.#ask({ type: 'open', key }, null);
    if (Buffer.isBuffer(answer) || answer.type !== 'opened' || answer.file.key !== key) throw senseless();
    return { ...answer.file, hash: Buffer.from(answer.file.hash, 'hex') };
  }

  async read(key: number, offset: number, length: number): Promise<Buffer> {
    if (length < 1 || length > CHUNK_BYTES) throw new RangeError(`a chunk of ${length} bytes cannot be asked for`);
    const answer = await this.#ask({ type: 'get', key, offset, length }, length);
    if (!Buffer.isBuffer(answer)) throw senseless();
    return answer;
  }

  /** What came on the channel. */
  take(bytes: Buffer): void {
    const frame = this.#over ? null : this.#channel.open(bytes);
    const reply = frame?.kind === 'json' ? parseJson(bulkReply, frame.text) : null;
    const id = frame?.kind === 'piece' ? frame.id : reply?.id;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (!frame || id === undefined || !waiting) {
      this.counters.rejected += 1;
      return;
    }
    this.#listen();
    if (frame.kind === 'json') {
      if (reply?.type === 'failed') this.#settle(id, new CodedError(reply.code, reply.text));
      else if (reply) this.#settle(id, reply);
      return;
    }
    waiting.came += frame.bytes.length;
    this.counters.receivedBytes += frame.bytes.length;
    if (waiting.length === null || waiting.came > waiting.length) return this.#settle(id, senseless());
    waiting.pieces.push(frame.bytes);
    if (waiting.came === waiting.length) this.#settle(id, Buffer.concat(waiting.pieces));
  }

  close(error: CodedError): void {
    this.#over ??= error;
    this.#silence?.cancel();
    for (const id of [...this.#waiting.keys()]) this.#settle(id, error);
  }

  #ask(request: Ask, length: number | null): Promise<BulkReply | Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over);
      if (this.#waiting.size >= MAX_UNANSWERED)
        return reject(new CodedError('too-busy', 'Too much is asked of the camera’s spool at once.'));
      this.#asked = (this.#asked + 1) >>> 0;
      const id = this.#asked;
      this.#waiting.set(id, { length, pieces: [], came: 0, resolve, reject });
      if (!this.#silence) this.#listen();
      const sealed = this.#channel.seal({ kind: 'json', text: JSON.stringify({ ...request, id }) });
      if (!this.#send(sealed)) this.#settle(id, new CodedError('session-lost', 'There is no way to the camera’s spool.'));
    });
  }

  #settle(id: number, outcome: BulkReply | Buffer | CodedError): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) {
      this.#silence?.cancel();
      this.#silence = null;
    }
    if (outcome instanceof CodedError) waiting?.reject(outcome);
    else waiting?.resolve(outcome);
  }

  #listen(): void {
    this.#silence?.cancel();
    this.#silence = this.#clock.setTimeout(() => {
      const error = new CodedError('too-busy', 'The camera has sent nothing of its spool for a minute: its way is busy with pictures.');
      for (const id of [...this.#waiting.keys()]) this.#settle(id, error);
    }, SILENCE_MS);
  }
}

function senseless(): CodedError {
  return new CodedError('protocol-error', 'What the camera says of its spool makes no sense: update both programs.');
}
