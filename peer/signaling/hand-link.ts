import type { Clock, Timer } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import type { Identity } from '../identity.ts';
import type { AppMessage, CameraMessage } from '../pairing/channel-messages.ts';
import { pairedCamera, pairMessage } from '../pairing/pair.ts';
import type { PairedCamera } from '../pairing/paired-camera.ts';
import type { Invite } from '../pairing/invite.ts';
import { HAND_MS, readAnswer, writeOffer, type PendingOffer } from './by-hand.ts';
import type { SignalingLink } from './link.ts';

export interface HandLinkOptions {
  readonly identity: Identity;
  /** The camera: of an invite, or paired. */
  readonly camera: { readonly publicKey: Uint8Array };
  /** To be let in with. Null for an app that is paired. */
  readonly invite: Invite | null;
  /** How this app calls itself, for the camera's list of apps. */
  readonly appName: string;
  readonly clock: Clock;
}

/**
 * A link to a camera that people carry: the question becomes a text (`text`), the answer is pasted back (`answer`). One
 * question, one answer, ten minutes.
 */
export class HandLink implements SignalingLink {
  readonly remotePublicKey: Buffer;
  readonly #options: HandLinkOptions;
  readonly #written = new Emitter<string>();
  readonly #settled = new Emitter<CameraMessage | CodedError>();
  #text: string | null = null;
  #pending: PendingOffer | null = null;
  #handshakeHash: Buffer | null = null;
  #paired: PairedCamera | null = null;
  #over: CodedError | null = null;
  #timer: Timer | null = null;

  constructor(options: HandLinkOptions) {
    this.#options = options;
    this.remotePublicKey = Buffer.from(options.camera.publicKey);
    // Also when nobody ever asks.
    this.#timer = options.clock.setTimeout(() => this.#end(late()), HAND_MS);
  }

  /** @throws Error before the answer has come */
  get handshakeHash(): Buffer {
    if (!this.#handshakeHash) throw new Error('the camera has not answered yet');
    return this.#handshakeHash;
  }

  /** What to keep of the camera that let the app in; null before that, and where it was paired already. */
  get paired(): PairedCamera | null {
    return this.#paired;
  }

  /** The text for the camera, once somebody has asked. @throws CodedError `closed` */
  text(): Promise<string> {
    if (this.#text !== null) return Promise.resolve(this.#text);
    if (this.#over) return Promise.reject(this.#over);
    return firstOf<string>({
      clock: this.#options.clock,
      timeoutMs: HAND_MS,
      late,
      listen: (resolve, reject) => [
        this.#written.on(resolve),
        this.#settled.on((outcome) => {
          if (outcome instanceof CodedError) reject(outcome);
        }),
      ],
    });
  }

  /** Waits as long as people may take: `timeoutMs` is for links that are quicker. @throws CodedError `peer-absent` after ten minutes, `closed` */
  ask(message: AppMessage, _timeoutMs?: number): Promise<CameraMessage> {
    const { identity, camera, invite, appName, clock } = this.#options;
    if (this.#over) return Promise.reject(this.#over);
    if (message.type !== 'offer' || this.#pending)
      return Promise.reject(new CodedError('internal', 'Over this link one session can be offered, once.'));
    const pair = invite && ((handshakeHash: Buffer) => pairMessage(invite.secret, handshakeHash, appName));
    const { text, pending } = writeOffer({ identity, camera: camera.publicKey, now: clock.now(), offer: message, pair });
    this.#pending = pending;
    this.#text = text;
    const reply = new Promise<CameraMessage>((resolve, reject) =>
      this.#settled.on((outcome) => (outcome instanceof CodedError ? reject(outcome) : resolve(outcome))),
    );
    this.#written.emit(text);
    return reply;
  }

  /**
   * Takes what the camera said; whoever asked goes on. What is no answer changes nothing: another can be given.
   * @throws CodedError `answer-wrong`; what the camera refused to let the app in with
   */
  answer(text: string): void {
    if (this.#over) throw this.#over;
    if (!this.#pending) throw new CodedError('answer-wrong', 'There is no offer yet that this could be the answer to.');
    const { paired, reply, handshakeHash } = readAnswer(text, this.#pending, this.#options.clock.now());
    const { invite } = this.#options;
    try {
      if (invite && paired) this.#paired = pairedCamera(invite, paired);
      const answer = reply ?? paired;
      if (!answer || (invite && !paired))
        throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
      this.#handshakeHash = handshakeHash;
      this.#end(answer);
    } catch (error) {
      if (error instanceof CodedError) this.#end(error);
      throw error;
    }
  }

  /** Idempotent; nobody waits any longer. */
  close(): void {
    this.#end(new CodedError('closed', 'The offer was withdrawn.'));
  }

  #end(outcome: CameraMessage | CodedError): void {
    if (this.#over) return;
    this.#over = outcome instanceof CodedError ? outcome : new CodedError('answer-wrong', 'The offer was answered already.');
    this.#timer?.cancel();
    this.#timer = null;
    this.#pending = null;
    this.#settled.emit(outcome);
    this.#settled.clear();
    this.#written.clear();
  }
}

function late(): CodedError {
  return new CodedError('peer-absent', 'The offer was good for ten minutes, and nobody has given it an answer: make a new one.');
}
