import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { CodedError } from '../../electron/base/errors.ts';
import { utcMs, type UtcMs } from '../../electron/base/units.ts';
import { base32 } from '../base32.ts';
import { x25519FromEd25519 } from '../keys.ts';

/** What a camera hands to one app, once, by a way that the user trusts: a printed line or a QR code. */
export interface Invite {
  /** The camera's identity, 32 bytes. */
  readonly publicKey: Buffer;
  /** The camera's address at its rendezvous. */
  readonly address: string;
  /** At most 4 ws:// or wss:// URLs; none: the camera is met on its own network only. */
  readonly rendezvous: readonly string[];
  /** 16 random bytes that can be used once. */
  readonly secret: Buffer;
  /** Whole seconds. */
  readonly expires: UtcMs;
  readonly name: string;
}

const VERSION = 1;
const SCHEME = 'keyhole:';
const ADDRESS_BYTES = 20;
export const SECRET_BYTES = 16;
const CHECKSUM_BYTES = 4;
export const MAX_NAME_BYTES = 64;
export const MAX_RENDEZVOUS = 4;
const MAX_URL_BYTES = 200;
const FIXED_BYTES = 1 + 32 + ADDRESS_BYTES + SECRET_BYTES + 4;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

export const newSecret = (): Buffer => randomBytes(SECRET_BYTES);

/** The `keyhole:` URI: base64url of version, public key, address, secret, expiry, name, URLs, and 4 bytes of their SHA-256 against typing errors. */
export function formatInvite(invite: Invite): string {
  const expires = Buffer.alloc(4);
  expires.writeUInt32BE(Math.floor(invite.expires / 1000));
  const body = Buffer.concat([
    Uint8Array.of(VERSION),
    invite.publicKey,
    addressBytes(invite.address),
    invite.secret,
    expires,
    text(invite.name, MAX_NAME_BYTES),
    Uint8Array.of(invite.rendezvous.length),
    ...invite.rendezvous.map((url) => text(url, MAX_URL_BYTES)),
  ]);
  return SCHEME + Buffer.concat([body, checksum(body)]).toString('base64url');
}

/** @throws CodedError `invite-malformed` for all that `formatInvite` does not make. */
export function parseInvite(input: string): Invite {
  const uri = input.trim();
  if (!uri.toLowerCase().startsWith(SCHEME)) throw malformed('it does not begin with "keyhole:"');
  const encoded = uri.slice(SCHEME.length);
  if (!/^[A-Za-z0-9_-]{1,1600}$/.test(encoded)) throw malformed('it holds characters that no invite has, or is too long');
  const bytes = Buffer.from(encoded, 'base64url');
  if (bytes[0] !== VERSION) throw malformed('it is of another version of Keyhole');
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (body.length < FIXED_BYTES + 2 || !checksum(body).equals(bytes.subarray(-CHECKSUM_BYTES)) || bytes.toString('base64url') !== encoded) {
    throw malformed('a part of it is missing or mistyped');
  }
  let offset = 1;
  const take = (length: number): Buffer => {
    if (offset + length > body.length) throw malformed('it is cut off');
    return Buffer.from(body.subarray(offset, (offset += length)));
  };
  const takeText = (max: number): string => {
    const length = take(1)[0] ?? 0;
    if (length > max) throw malformed('a text in it is too long');
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(take(length));
    } catch {
      throw malformed('a text in it makes no sense');
    }
  };
  const publicKey = take(32);
  const address = base32(take(ADDRESS_BYTES));
  const secret = take(SECRET_BYTES);
  const expires = utcMs(take(4).readUInt32BE(0) * 1000);
  const name = takeText(MAX_NAME_BYTES);
  const count = take(1)[0] ?? 0;
  const rendezvous = Array.from({ length: Math.min(count, MAX_RENDEZVOUS + 1) }, () => takeText(MAX_URL_BYTES));
  if (count > MAX_RENDEZVOUS || offset !== body.length) throw malformed('it names too many rendezvous');
  if (!rendezvous.every(isRendezvousUrl)) throw malformed('the rendezvous it names is no ws:// or wss:// URL');
  if (!x25519FromEd25519(publicKey)) throw malformed('the key in it makes no sense');
  return { publicKey, address, rendezvous, secret, expires, name };
}

/** ws:// or wss://, without what a WebSocket does not take (a fragment) or nobody should have to give (a password). */
export function isRendezvousUrl(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return !!parsed && ['ws:', 'wss:'].includes(parsed.protocol) && !parsed.username && !parsed.password && !url.includes('#');
}

/** Which invite is meant, without telling its secret: the first 8 bytes of SHA-256(secret), base64url. */
export function inviteId(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest().subarray(0, 8).toString('base64url');
}

/** Shows knowledge of the secret in this channel, and in no other. */
export function proveSecret(secret: Uint8Array, handshakeHash: Uint8Array): Buffer {
  return createHmac('sha256', secret).update('keyhole pairing v1\0').update(handshakeHash).digest();
}

export function isSecretProof(secret: Uint8Array, handshakeHash: Uint8Array, proof: Uint8Array): boolean {
  const expected = proveSecret(secret, handshakeHash);
  return proof.length === expected.length && timingSafeEqual(expected, proof);
}

/** `name` without control characters, cut to what an invite may carry. */
export function tidyName(name: string): string {
  let tidy = name.replace(/[\p{Cc}\p{Cf}]/gu, ' ').trim();
  while (Buffer.byteLength(tidy) > MAX_NAME_BYTES) tidy = [...tidy].slice(0, -1).join('');
  return tidy;
}

function malformed(why: string): CodedError {
  return new CodedError('invite-malformed', `This is no invite of a camera: ${why}. Copy the whole line that begins with "keyhole:".`);
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update('keyhole invite').update(body).digest().subarray(0, CHECKSUM_BYTES);
}

function text(value: string, maxBytes: number): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > maxBytes) throw new RangeError(`"${value}" is longer than ${maxBytes} bytes`);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

function addressBytes(address: string): Buffer {
  const out = Buffer.alloc(ADDRESS_BYTES);
  let bits = 0n;
  for (const letter of address) bits = (bits << 5n) | BigInt(BASE32.indexOf(letter));
  out.write(bits.toString(16).padStart(ADDRESS_BYTES * 2, '0'), 'hex');
  return out;
}
