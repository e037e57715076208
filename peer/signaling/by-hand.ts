import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { CodedError } from '../../electron/base/errors.ts';
import type { UtcMs } from '../../electron/base/units.ts';
import type { Identity } from '../identity.ts';
import { x25519FromEd25519 } from '../keys.ts';
import { NoiseError, NoiseInitiator, NoiseResponder } from '../noise.ts';
import {
  appMessage,
  cameraMessage,
  type AppMessage,
  type CameraMessage,
  type ReadAppMessage,
  type WrittenCameraMessage,
} from '../pairing/channel-messages.ts';
import { FRAME, introduce, openIntroduction } from './frames.ts';
import { deflate, formatHandText, inflate, OFFER_LIKE, parseHandText } from './hand-text.ts';
import { parseJson } from './rendezvous-messages.ts';

/**
 * Signaling without any server: the two messages of a Noise IK handshake are texts that people carry, one each way, with the
 * offer and the answer of a session in them. Sealed, signed and pinned like a secure channel, in a context of its own.
 */

/** How long an offer can be answered, and its answer used. */
export const HAND_MS = 10 * 60_000;
const CONTEXT = Buffer.from('keyhole by hand v1\0');

const offerBody = z.object({ at: z.number().int(), pair: appMessage.optional(), offer: appMessage });
const answerBody = z.object({ paired: cameraMessage.optional(), reply: cameraMessage.optional() });

type PairMessage = Extract<AppMessage, { type: 'pair' }>;
type OfferMessage = Extract<AppMessage, { type: 'offer' }>;

export interface WriteOffer {
  readonly identity: Identity;
  /** The camera's identity: nobody else can read the offer, or answer it. */
  readonly camera: Uint8Array;
  readonly now: UtcMs;
  readonly offer: OfferMessage;
  /** Asks to be let in first; `handshakeHash` is what the proof is to be made with. Null for an app that is paired. */
  readonly pair: ((handshakeHash: Buffer) => PairMessage) | null;
}

/** An offer that waits for its answer. Secret: it holds the keys of the handshake. */
export interface PendingOffer {
  readonly id: Buffer;
  readonly camera: Uint8Array;
  readonly noise: NoiseInitiator;
  readonly expires: number;
  readonly body: string;
}

/** @throws CodedError `identity-mismatch` when the key of the camera makes no sense */
export function writeOffer({ identity, camera, now, offer, pair }: WriteOffer): { text: string; pending: PendingOffer } {
  const remoteStatic = x25519FromEd25519(camera);
  if (!remoteStatic) throw new CodedError('identity-mismatch', 'The public key of the camera makes no sense: pair it again.');
  const id = randomBytes(16);
  const noise = new NoiseInitiator({ prologue: prologue(id), staticKey: staticKey(identity) }, remoteStatic);
  let body = '';
  const sealed = noise.writeFirst((handshakeHash) => {
    body = JSON.stringify({ at: now, ...(pair ? { pair: pair(handshakeHash) } : {}), offer });
    return introduce(identity, { kind: FRAME.first, role: 'initiator', handshakeHash, counter: 0 }, deflate(body, OFFER_LIKE));
  });
  return { text: formatHandText('keyhole-offer:', { id, sealed }), pending: { id, camera, noise, expires: now + HAND_MS, body } };
}

/** An offer as the camera reads it. */
export interface ReceivedOffer {
  /** Base64url: to be answered once. */
  readonly id: string;
  /** The app's identity, proven. */
  readonly remotePublicKey: Buffer;
  /** What the proof of an invite was made with. */
  readonly pairHash: Buffer;
  /** What the session is bound to. */
  readonly handshakeHash: Buffer;
  readonly pair: Extract<ReadAppMessage, { type: 'pair' }> | null;
  readonly offer: Extract<ReadAppMessage, { type: 'offer' }>;
  /** Once. */
  writeAnswer(answer: HandAnswer<WrittenCameraMessage>): string;
}

/** What the camera says: whether the app was let in, if it asked, and the answer to its offer unless it was not. */
export interface HandAnswer<Message> {
  readonly paired: Message | null;
  readonly reply: Message | null;
}

/** @throws CodedError `bad-request` for what is no offer, or not to this camera, or too old */
export function readOffer(text: string, identity: Identity, now: UtcMs): ReceivedOffer {
  const parsed = parseHandText('keyhole-offer:', text);
  if (!parsed)
    throw new CodedError(
      'bad-request',
      'This is no offer of an app, or a part of it is missing: copy the whole text that begins with "keyhole-offer:".',
    );
  const noise = new NoiseResponder({ prologue: prologue(parsed.id), staticKey: staticKey(identity) });
  try {
    const { payload, handshakeHash: pairHash, remoteStatic } = noise.readFirst(parsed.sealed);
    const opened = openIntroduction({ kind: FRAME.first, role: 'initiator', handshakeHash: pairHash, counter: 0 }, payload);
    if (!opened || !x25519FromEd25519(opened.publicKey)?.equals(remoteStatic)) throw new NoiseError('signed by another key');
    const body = inflate(opened.body, OFFER_LIKE) ?? '';
    const { at, pair = null, offer } = parseJson(offerBody, body) ?? {};
    if (at === undefined || offer?.type !== 'offer' || (pair !== null && pair.type !== 'pair'))
      throw new CodedError('bad-request', 'The camera does not understand this offer: update both programs.');
    if (Math.abs(now - at) > HAND_MS)
      throw new CodedError(
        'bad-request',
        `This offer is of ${utc(at)}, and here it is ${utc(now)}: make a new one, it is good for ten minutes, or set the clocks.`,
      );
    const second = noise.beginSecond();
    const of = { kind: FRAME.second, role: 'responder', handshakeHash: second.handshakeHash, counter: 0 } as const;
    const writeAnswer = ({ paired, reply }: HandAnswer<WrittenCameraMessage>) => {
      const words = JSON.stringify({ ...(paired ? { paired } : {}), ...(reply ? { reply } : {}) });
      const { message } = second.seal(introduce(identity, of, deflate(words, body)));
      return formatHandText('keyhole-answer:', { id: parsed.id, sealed: message });
    };
    const id = parsed.id.toString('base64url');
    return { id, remotePublicKey: opened.publicKey, pairHash, handshakeHash: second.handshakeHash, pair, offer, writeAnswer };
  } catch (error) {
    if (!(error instanceof NoiseError)) throw error;
    throw new CodedError(
      'bad-request',
      'This offer is for another camera: give it to the one whose invite, or whose page in the app, it was made from.',
    );
  }
}

export interface ReceivedAnswer extends HandAnswer<CameraMessage> {
  /** What the session is bound to: the same at the camera. */
  readonly handshakeHash: Buffer;
}

/** May be called again after it has thrown. @throws CodedError `answer-wrong` */
export function readAnswer(text: string, pending: PendingOffer, now: UtcMs): ReceivedAnswer {
  const wrong = (why: string) => new CodedError('answer-wrong', why);
  const parsed = parseHandText('keyhole-answer:', text);
  if (!parsed)
    throw wrong('This is no answer of a camera, or a part of it is missing: copy the whole text that begins with "keyhole-answer:".');
  if (!parsed.id.equals(pending.id))
    throw wrong('This answer is to another offer: give the camera the offer that is shown here, and paste what it says to that.');
  if (now >= pending.expires) throw wrong('The offer was good for ten minutes, which are over: make a new one.');
  try {
    const { payload, handshakeHash } = pending.noise.readSecond(parsed.sealed);
    const opened = openIntroduction({ kind: FRAME.second, role: 'responder', handshakeHash, counter: 0 }, payload);
    if (!opened?.publicKey.equals(pending.camera)) throw new NoiseError('signed by another key');
    const body = parseJson(answerBody, inflate(opened.body, pending.body) ?? '');
    if (!body) throw wrong('The app does not understand this answer: update both programs.');
    return { paired: body.paired ?? null, reply: body.reply ?? null, handshakeHash };
  } catch (error) {
    if (!(error instanceof NoiseError)) throw error;
    throw wrong('This answer was not written by the camera, or was altered on the way: paste what the camera says once more.');
  }
}

const prologue = (id: Uint8Array): Buffer => Buffer.concat([CONTEXT, id]);
const staticKey = ({ noiseKey, noisePublicKey }: Identity) => ({ privateKey: noiseKey, publicKey: noisePublicKey });
const utc = (at: number): string => (Number.isFinite(new Date(at).getTime()) ? new Date(at).toISOString() : 'no time that there is');
