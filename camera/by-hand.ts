import type { Readable } from 'node:stream';
import { renderUnicodeCompact } from 'uqr';
import type { Clock } from '../electron/base/clock.ts';
import { asCoded, CodedError } from '../electron/base/errors.ts';
import type { ProgramIo } from '../electron/base/program.ts';
import { fingerprintOf, type Identity } from '../peer/identity.ts';
import { HAND_MS, readOffer } from '../peer/signaling/by-hand.ts';
import { MAX_HAND_TEXT } from '../peer/signaling/hand-text.ts';
import type { CameraPeer } from './camera-peer.ts';

/** Offers that wait to be answered; more are dropped. */
const MAX_WAITING = 8;
/** Offers that were answered and are remembered, until they are too old anyway; the oldest goes. */
const MAX_USED = 256;

export interface ByHandOptions {
  readonly identity: Identity;
  readonly peer: Pick<CameraPeer, 'reply'>;
  readonly clock: Clock;
  readonly io: Pick<ProgramIo, 'event' | 'text'>;
  /** Somebody reads stderr: the answer is shown there, too. */
  readonly people: boolean;
}

/** Answers offers that are pasted into the program, a line each, by a text that is to be given back to the app. */
export class ByHand {
  readonly #options: ByHandOptions;
  /** Ids of offers, in the order of their answers. */
  readonly #used = new Map<string, number>();
  #line = '';
  /** The line is too long: what is left of it is thrown away. */
  #skipping = false;
  #waiting = 0;
  #dropped = 0;
  #working: Promise<void> = Promise.resolve();
  #stop: (() => unknown) | null = null;

  constructor(options: ByHandOptions) {
    this.#options = options;
  }

  /** Lines that were too long or too many. */
  get dropped(): number {
    return this.#dropped;
  }

  start(input: Readable): void {
    if (this.#stop) return;
    const onData = (data: Buffer | string) => this.#read(data.toString());
    const onEnd = () => this.#endLine();
    input
      .on('data', onData)
      .on('end', onEnd)
      .on('error', () => {});
    this.#stop = () => input.off('data', onData).off('end', onEnd).pause();
  }

  close(): void {
    this.#stop?.();
    this.#stop = () => {};
  }

  /** Resolves when all that was read is answered. */
  idle(): Promise<void> {
    return this.#working;
  }

  #read(text: string): void {
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) this.#endLine();
      if (this.#skipping) continue;
      this.#line += part;
      if (this.#line.length <= MAX_HAND_TEXT) continue;
      this.#line = '';
      this.#skipping = true;
      this.#dropped += 1;
    }
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = '';
    this.#skipping = false;
    // A terminal is typed into for many reasons.
    if (!/^keyhole-/i.test(line)) return;
    if (this.#waiting >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#working = this.#working.then(() => this.#answer(line)).finally(() => (this.#waiting -= 1));
  }

  /** Never throws: what goes wrong is said to the person. */
  async #answer(line: string): Promise<void> {
    const { identity, peer, clock, io, people } = this.#options;
    try {
      const received = readOffer(line, identity, clock.now());
      this.#useUp(received.id);
      const { remotePublicKey, pairHash, handshakeHash, pair, offer } = received;
      const paired = pair && (await peer.reply({ remotePublicKey, handshakeHash: pairHash }, pair));
      // Whoever carries the answer takes a while.
      const reply = paired?.type === 'refused' ? null : await peer.reply({ remotePublicKey, handshakeHash }, offer, HAND_MS);
      const answer = received.writeAnswer({ paired, reply });
      io.event({ event: 'answer', peer: fingerprintOf(remotePublicKey), answer });
      if (people) {
        io.text(`\nGive this to the app that made the offer, within ten minutes:\n`);
        io.text(`${renderUnicodeCompact(answer, { ecc: 'L', border: 2 })}\n\n${answer}\n`);
      }
      const refused = [paired, reply].find((message) => message?.type === 'refused');
      if (refused?.type === 'refused') io.text(`keyhole camera: ${refused.text}`);
    } catch (error) {
      io.text(`keyhole camera: ${asCoded(error).message}`);
    }
  }

  /** @throws CodedError `bad-request` the second time */
  #useUp(id: string): void {
    const now = this.#options.clock.monotonic();
    // An offer may be dated ahead by as much as it lasts.
    for (const [old, at] of this.#used) if (now - at > 2 * HAND_MS || this.#used.size >= MAX_USED) this.#used.delete(old);
    if (this.#used.has(id)) throw new CodedError('bad-request', 'This offer has been answered already: make a new one.');
    this.#used.set(id, now);
  }
}
