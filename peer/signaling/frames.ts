import { verifySignature } from '../identity.ts';

/** Frames of a secure channel as they cross the rendezvous: kind (1 byte), channel id (16), then what the kind says. */
export const FRAME = { first: 1, second: 2, transport: 3 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];
export type Role = 'initiator' | 'responder';

const ID = 16;
const SIGNATURE = 64;
const PUBLIC_KEY = 32;
/** Bytes of a message before it is sealed. */
export const MAX_BODY = 32 * 1024;
const MAX_FRAME = MAX_BODY + 1024;
const CONTEXT = Buffer.from('keyhole signaling v1\0');

export interface Frame {
  readonly kind: FrameKind;
  /** Base64url of the 16 bytes. */
  readonly channel: string;
  /** Transport only; 0 else. Below 2^53. */
  readonly counter: number;
  /** Authenticated with the ciphertext. */
  readonly header: Buffer;
  readonly sealed: Buffer;
}

/** Null for what is no frame. */
export function parseFrame(data: Buffer): Frame | null {
  if (data.length < 1 + ID || data.length > MAX_FRAME) return null;
  const channel = data.subarray(1, 1 + ID).toString('base64url');
  const kind = data[0];
  if (kind === FRAME.first || kind === FRAME.second) {
    return { kind, channel, counter: 0, header: data.subarray(0, 1 + ID), sealed: data.subarray(1 + ID) };
  }
  if (kind !== FRAME.transport || data.length < 1 + ID + 8) return null;
  const counter = data.readBigUInt64BE(1 + ID);
  if (counter > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return { kind, channel, counter: Number(counter), header: data.subarray(0, 1 + ID + 8), sealed: data.subarray(1 + ID + 8) };
}

export function frameHeader(kind: FrameKind, channel: string, counter = 0): Buffer {
  const id = Buffer.from(channel, 'base64url');
  if (kind !== FRAME.transport) return Buffer.concat([Uint8Array.of(kind), id]);
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(counter));
  return Buffer.concat([Uint8Array.of(kind), id, count]);
}

/** Noise prologue: both ends must agree on version, channel and the addresses that the rendezvous carries it between. */
export function prologue(channel: string, initiatorAddress: string, responderAddress: string): Buffer {
  return Buffer.concat([CONTEXT, Buffer.from(channel, 'base64url'), Buffer.from(`${initiatorAddress}\0${responderAddress}`)]);
}

interface Signed {
  readonly kind: FrameKind;
  readonly role: Role;
  /** Noise's, as it stood before this payload, or the final one for transport messages. */
  readonly handshakeHash: Uint8Array;
  readonly counter: number;
}

function transcript(of: Signed, body: Uint8Array): Buffer {
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(of.counter));
  return Buffer.concat([CONTEXT, Uint8Array.of(of.kind, of.role === 'initiator' ? 1 : 2), of.handshakeHash, count, body]);
}

/** Payload of a transport message: signature, body. */
export function signBody(sign: (message: Uint8Array) => Buffer, of: Signed, body: Uint8Array): Buffer {
  return Buffer.concat([sign(transcript(of, body)), body]);
}

/** The body, or null when the signature is not of `publicKey`. */
export function openBody(publicKey: Uint8Array, of: Signed, payload: Buffer): Buffer | null {
  if (payload.length < SIGNATURE) return null;
  const body = payload.subarray(SIGNATURE);
  return verifySignature(publicKey, transcript(of, body), payload.subarray(0, SIGNATURE)) ? body : null;
}

/** Payload of a handshake message: who sends it, signature, body. */
export function introduce(identity: { publicKey: Uint8Array; sign(message: Uint8Array): Buffer }, of: Signed, body: Uint8Array): Buffer {
  return Buffer.concat([identity.publicKey, signBody(identity.sign, of, body)]);
}

/** Null when the signature is not by the key the payload names. */
export function openIntroduction(of: Signed, payload: Buffer): { publicKey: Buffer; body: Buffer } | null {
  if (payload.length < PUBLIC_KEY + SIGNATURE) return null;
  const publicKey = Buffer.from(payload.subarray(0, PUBLIC_KEY));
  const body = openBody(publicKey, of, payload.subarray(PUBLIC_KEY));
  return body && { publicKey, body };
}
