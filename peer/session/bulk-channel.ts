import { NoiseError, type NoiseCipher } from '../noise.ts';
import { MAX_BULK_BYTES } from './bulk-messages.ts';

const COUNTER = 8;
const TAG = 16;
/** First byte of what is sealed. */
const KIND = { json: 0, piece: 1 } as const;

export type BulkFrame =
  | { readonly kind: 'json'; readonly text: string }
  /** Bytes of the answer to the question `id`: they follow those before. */
  | { readonly kind: 'piece'; readonly id: number; readonly bytes: Buffer };

export interface BulkCiphers {
  readonly send: NoiseCipher;
  readonly receive: NoiseCipher;
}

/**
 * The messages of the bulk channel: counter (8 bytes), AES-256-GCM. As on the control channel each counts once, in order, and only from
 * the other end of this very session; the keys are others.
 */
export class BulkChannel {
  readonly #ciphers: BulkCiphers;
  #sent = 0;
  #received = 0;
  #rejected = 0;

  constructor(ciphers: BulkCiphers) {
    this.#ciphers = ciphers;
  }

  /** Messages that were altered, repeated, or make no sense. */
  get rejected(): number {
    return this.#rejected;
  }

  /** To be sent in the order in which they were sealed. */
  seal(frame: BulkFrame): Buffer {
    const body = encode(frame);
    if (body.length > MAX_BULK_BYTES) throw new RangeError(`a bulk message of ${body.length} bytes is too long`);
    this.#sent += 1;
    const header = Buffer.alloc(COUNTER);
    header.writeBigUInt64BE(BigInt(this.#sent));
    return Buffer.concat([header, this.#ciphers.send.encrypt(this.#sent, header, body)]);
  }

  /** Null for what is not the other end's next message. */
  open(bytes: Buffer): BulkFrame | null {
    const frame = this.#open(bytes);
    if (frame === null) this.#rejected += 1;
    return frame;
  }

  #open(bytes: Buffer): BulkFrame | null {
    if (bytes.length < COUNTER + TAG || bytes.length > MAX_BULK_BYTES + COUNTER + TAG) return null;
    const counter = bytes.readBigUInt64BE(0);
    if (counter <= BigInt(this.#received) || counter > BigInt(Number.MAX_SAFE_INTEGER)) return null;
    try {
      const body = this.#ciphers.receive.decrypt(Number(counter), bytes.subarray(0, COUNTER), bytes.subarray(COUNTER));
      this.#received = Number(counter);
      return decode(body);
    } catch (error) {
      if (error instanceof NoiseError) return null;
      throw error;
    }
  }
}

function encode(frame: BulkFrame): Buffer {
  if (frame.kind === 'json') return Buffer.concat([Buffer.from([KIND.json]), Buffer.from(frame.text)]);
  const header = Buffer.alloc(5);
  header.writeUInt8(KIND.piece, 0);
  header.writeUInt32BE(frame.id, 1);
  return Buffer.concat([header, frame.bytes]);
}

function decode(body: Buffer): BulkFrame | null {
  if (body[0] === KIND.json) return { kind: 'json', text: body.toString('utf8', 1) };
  if (body[0] !== KIND.piece || body.length < 6) return null;
  return { kind: 'piece', id: body.readUInt32BE(1), bytes: body.subarray(5) };
}
