import type { z } from 'zod';
import { NoiseError, type NoiseCipher } from '../noise.ts';
import { parseJson } from '../signaling/rendezvous-messages.ts';
import { MAX_CONTROL_BYTES } from './control-messages.ts';

const COUNTER = 8;
const OVERHEAD = COUNTER + 16;

/**
 * Messages on the session's data channel: counter (8 bytes), AES-256-GCM. A message is taken once, in order, and only
 * sealed by the other end of this very session.
 */
export class ControlChannel<In, Out extends object> {
  readonly #schema: z.ZodType<In>;
  readonly #ciphers: { readonly send: NoiseCipher; readonly receive: NoiseCipher };
  readonly #write: (bytes: Buffer) => void;
  #sent = 0;
  #received = 0;
  #rejected = 0;

  constructor(
    schema: z.ZodType<In>,
    ciphers: { readonly send: NoiseCipher; readonly receive: NoiseCipher },
    write: (bytes: Buffer) => void,
  ) {
    this.#schema = schema;
    this.#ciphers = ciphers;
    this.#write = write;
  }

  /** Messages that were altered, repeated, or make no sense. */
  get rejected(): number {
    return this.#rejected;
  }

  send(message: Out): void {
    const body = Buffer.from(JSON.stringify(message));
    if (body.length > MAX_CONTROL_BYTES) throw new RangeError(`a control message of ${body.length} bytes is too long`);
    this.#sent += 1;
    const header = Buffer.alloc(COUNTER);
    header.writeBigUInt64BE(BigInt(this.#sent));
    this.#write(Buffer.concat([header, this.#ciphers.send.encrypt(this.#sent, header, body)]));
  }

  /** Null for what is not the other end's next message. */
  open(bytes: Buffer): In | null {
    const message = this.#open(bytes);
    if (message === null) this.#rejected += 1;
    return message;
  }

  #open(bytes: Buffer): In | null {
    if (bytes.length < OVERHEAD || bytes.length > MAX_CONTROL_BYTES + OVERHEAD) return null;
    const counter = bytes.readBigUInt64BE(0);
    if (counter <= BigInt(this.#received) || counter > BigInt(Number.MAX_SAFE_INTEGER)) return null;
    try {
      const body = this.#ciphers.receive.decrypt(Number(counter), bytes.subarray(0, COUNTER), bytes.subarray(COUNTER));
      this.#received = Number(counter);
      return parseJson(this.#schema, body.toString('utf8'));
    } catch (error) {
      if (error instanceof NoiseError) return null;
      throw error;
    }
  }
}
