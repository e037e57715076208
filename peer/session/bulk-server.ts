import type { Clock, Timer } from '../../electron/base/clock.ts';
import type { Emitter } from '../../electron/base/emitter.ts';
import { asCoded } from '../../electron/base/errors.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import { parseJson } from '../signaling/rendezvous-messages.ts';
import type { BulkChannel, BulkFrame } from './bulk-channel.ts';
import {
  bulkRequest,
  CHUNK_BYTES,
  LIST_ENTRIES,
  type BulkReply,
  type BulkRequest,
  type SpoolItem,
  type SpoolState,
} from './bulk-messages.ts';
import type { BulkShare } from './bulk-share.ts';

export interface SpoolFile extends SpoolItem {
  /** SHA-256 of the whole file. */
  readonly hash: Buffer;
}

/** What a camera keeps for those who were away. */
export interface Spool {
  readonly state: SpoolState;
  /** `state` is another one. */
  readonly changed: Emitter<void>;
  /** Closed files that reach into [from, to), in order of their keys, those above `after`; at most `limit`. */
  list(range: { readonly from: number; readonly to: number; readonly after: number | null; readonly limit: number }): readonly SpoolItem[];
  /** @throws CodedError `not-found` */
  open(key: number): Promise<SpoolFile>;
  /** Fewer bytes where the file ends. @throws CodedError `not-found` */
  read(key: number, offset: number, length: number): Promise<Buffer>;
}

/** Questions that wait for an answer; whoever asks more is not answered. */
const MAX_WAITING = 64;
/** Bytes that wait to be sent: the next question is looked at when fewer do. */
const MAX_OUT = 2 * CHUNK_BYTES;
const TICK_MS = 5;
/** Lists and openings cost more than their answer's bytes: who asks for more of them waits. */
const LOOKUPS = { perSecond: 20, burst: 40 };

export interface BulkServerOptions {
  readonly spool: Spool;
  readonly channel: BulkChannel;
  readonly share: Pick<BulkShare, 'take' | 'pieceBytes'>;
  /** False while nothing should be sent: the path is in doubt. */
  readonly isOpen: () => boolean;
  readonly send: (sealed: Buffer) => void;
  readonly clock: Clock;
}

/** What is to be sent: an answer's JSON, or what is left of a chunk. */
type Outgoing = { readonly kind: 'json'; readonly text: string } | { readonly kind: 'chunk'; readonly id: number; rest: Buffer };

/** Answers one viewer's questions about the spool, one after another, with what the pictures leave of the way. */
export class BulkServer {
  readonly counters = { sentBytes: 0, refused: 0 };
  readonly #options: BulkServerOptions;
  readonly #lookups: TokenBucket;
  readonly #questions: BulkRequest[] = [];
  readonly #out: Outgoing[] = [];
  #waiting = 0;
  #isBusy = false;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: BulkServerOptions) {
    this.#options = options;
    this.#lookups = new TokenBucket(options.clock, LOOKUPS.perSecond, LOOKUPS.burst);
  }

  /** What came on the channel. */
  take(bytes: Buffer): void {
    if (this.#closed) return;
    const frame = this.#options.channel.open(bytes);
    const request = frame?.kind === 'json' ? parseJson(bulkRequest, frame.text) : null;
    if (!request || this.#questions.length >= MAX_WAITING) {
      this.counters.refused += 1;
      return;
    }
    this.#questions.push(request);
    this.#next();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#questions.length = this.#out.length = 0;
  }

  #next(): void {
    if (this.#closed || this.#isBusy || this.#waiting >= MAX_OUT) return;
    const [question] = this.#questions;
    if (!question) return;
    if (question.type !== 'get' && !this.#lookups.take()) return this.#pumpLater();
    this.#questions.shift();
    this.#isBusy = true;
    void this.#answer(question).then(() => {
      this.#isBusy = false;
      if (this.#closed) return;
      this.#pump();
      this.#next();
    });
  }

  async #answer(request: BulkRequest): Promise<void> {
    const { spool } = this.#options;
    const { id } = request;
    try {
      if (request.type === 'get') {
        const bytes = await spool.read(request.key, request.offset, request.length);
        if (bytes.length < request.length)
          this.#reply({ type: 'failed', id, code: 'range-not-satisfiable', text: 'The file ends before.' });
        else this.#enqueue({ kind: 'chunk', id, rest: bytes }, bytes.length);
      } else if (request.type === 'list') {
        const segments = spool.list({ ...request, limit: LIST_ENTRIES + 1 });
        this.#reply({ type: 'listed', id, segments: segments.slice(0, LIST_ENTRIES), more: segments.length > LIST_ENTRIES });
      } else {
        const { hash, ...file } = await spool.open(request.key);
        this.#reply({ type: 'opened', id, file: { ...file, hash: hash.toString('hex') } });
      }
    } catch (error) {
      const { code, message } = asCoded(error);
      this.#reply({ type: 'failed', id, code, text: code === 'internal' ? 'The camera failed to answer.' : message.slice(0, 512) });
    }
  }

  #reply(message: BulkReply): void {
    const text = JSON.stringify(message);
    this.#enqueue({ kind: 'json', text }, text.length);
  }

  #enqueue(item: Outgoing, bytes: number): void {
    this.#out.push(item);
    this.#waiting += bytes;
  }

  #pump(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#closed) return;
    const { share, isOpen } = this.#options;
    while (isOpen()) {
      const [first] = this.#out;
      if (!first) break;
      const size = first.kind === 'json' ? first.text.length : Math.min(share.pieceBytes, first.rest.length);
      if (!share.take(size)) break;
      this.#waiting -= size;
      if (first.kind === 'json') this.#send({ kind: 'json', text: first.text });
      else {
        this.#send({ kind: 'piece', id: first.id, bytes: first.rest.subarray(0, size) });
        first.rest = first.rest.subarray(size);
      }
      if (first.kind === 'json' || first.rest.length === 0) this.#out.shift();
    }
    if (this.#out.length > 0) this.#pumpLater();
    this.#next();
  }

  #pumpLater(): void {
    this.#timer ??= this.#options.clock.setTimeout(() => this.#pump(), TICK_MS);
  }

  #send(frame: BulkFrame): void {
    this.counters.sentBytes += frame.kind === 'json' ? frame.text.length : frame.bytes.length;
    this.#options.send(this.#options.channel.seal(frame));
  }
}
