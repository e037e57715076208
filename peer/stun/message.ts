import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { STUN_COOKIE } from './address.ts';

export { ipBytes, readXorMappedAddress, STUN_COOKIE, xorMappedAddress } from './address.ts';

/** The part of STUN (RFC 8489), NAT discovery (RFC 5780) and TURN (RFC 8656) that Keyhole speaks itself. */
export const STUN_HEADER_BYTES = 20;
/** A datagram could hold thousands of empty ones; what is asked needs a dozen, a CreatePermission one for each address. */
const MAX_ATTRIBUTES = 128;
export const METHOD_BINDING = 0x001;
export const METHOD = {
  binding: METHOD_BINDING,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
} as const;

export const STUN_CLASS = { request: 0x000, indication: 0x010, success: 0x100, error: 0x110 } as const;

export const ATTRIBUTE = {
  mappedAddress: 0x0001,
  changeRequest: 0x0003,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  messageIntegritySha256: 0x001c,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  priority: 0x0024,
  useCandidate: 0x0025,
  padding: 0x0026,
  responsePort: 0x0027,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
} as const;

export interface StunAttribute {
  readonly type: number;
  readonly value: Buffer;
  /** Where the attribute's header begins in the message. */
  readonly offset: number;
}

export interface StunMessage {
  /** One of STUN_CLASS. */
  readonly class: number;
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Buffer;
  readonly attributes: readonly StunAttribute[];
  /** The datagram it was read from. */
  readonly bytes: Buffer;
}

/** Null for anything but one whole well-formed STUN message (RFC 8489 §5, §6.3), whose FINGERPRINT, if any, is right and last. */
export function parseStun(bytes: Buffer): StunMessage | null {
  if (bytes.length < STUN_HEADER_BYTES) return null;
  const type = bytes.readUInt16BE(0);
  if (type & 0xc000 || bytes.readUInt16BE(2) !== bytes.length - STUN_HEADER_BYTES || bytes.length % 4 !== 0) return null;
  if (bytes.readUInt32BE(4) !== STUN_COOKIE) return null;
  const attributes: StunAttribute[] = [];
  for (let offset = STUN_HEADER_BYTES; offset < bytes.length;) {
    const length = bytes.readUInt16BE(offset + 2);
    const end = offset + 4 + length;
    if (end > bytes.length || attributes.length === MAX_ATTRIBUTES) return null;
    attributes.push({ type: bytes.readUInt16BE(offset), value: bytes.subarray(offset + 4, end), offset });
    offset = end + ((4 - (length % 4)) % 4);
  }
  const fingerprint = attributes.findIndex((attribute) => attribute.type === ATTRIBUTE.fingerprint);
  if (fingerprint >= 0) {
    const found = attributes[fingerprint];
    if (!found || fingerprint !== attributes.length - 1 || found.value.length !== 4) return null;
    if (found.value.readUInt32BE(0) !== fingerprintOf(bytes.subarray(0, found.offset))) return null;
  }
  return {
    class: type & 0x110,
    method: (type & 0x000f) | ((type & 0x00e0) >> 1) | ((type & 0x3e00) >> 2),
    transactionId: bytes.subarray(8, STUN_HEADER_BYTES),
    attributes,
    bytes,
  };
}

export interface WriteStunOptions {
  /** Key of a MESSAGE-INTEGRITY (RFC 8489 §14.5) behind the attributes. */
  readonly integrityKey?: Uint8Array | undefined;
  /** False leaves FINGERPRINT out. */
  readonly fingerprint?: boolean;
}

/** A message with these attributes, in order, MESSAGE-INTEGRITY if a key is given, and FINGERPRINT behind them. */
export function writeStun(
  message: { class: number; method: number; transactionId: Uint8Array },
  attributes: readonly { type: number; value: Uint8Array }[],
  { integrityKey, fingerprint = true }: WriteStunOptions = {},
): Buffer {
  const { method } = message;
  const bodyBytes = attributes.reduce((sum, { value }) => sum + 4 + padded(value.length), 0);
  const out = Buffer.alloc(STUN_HEADER_BYTES + bodyBytes + (integrityKey ? 24 : 0) + (fingerprint ? 8 : 0));
  out.writeUInt16BE(message.class | (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2), 0);
  out.writeUInt32BE(STUN_COOKIE, 4);
  out.set(message.transactionId, 8);
  let at = STUN_HEADER_BYTES;
  const add = (type: number, value: Uint8Array) => {
    // The length counts the attribute itself when it is computed over what is before (RFC 8489 §14.5, §14.7).
    out.writeUInt16BE(type, at);
    out.writeUInt16BE(value.length, at + 2);
    out.set(value, at + 4);
    at += 4 + padded(value.length);
  };
  for (const { type, value } of attributes) add(type, value);
  if (integrityKey) {
    out.writeUInt16BE(at + 24 - STUN_HEADER_BYTES, 2);
    add(ATTRIBUTE.messageIntegrity, createHmac('sha1', integrityKey).update(out.subarray(0, at)).digest());
  }
  out.writeUInt16BE(out.length - STUN_HEADER_BYTES, 2);
  if (fingerprint) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(fingerprintOf(out.subarray(0, at)), 0);
    add(ATTRIBUTE.fingerprint, value);
  }
  return out;
}

/** Attributes begin at multiples of four. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

/** The value of the first attribute of a type, which is the one that counts (RFC 8489 §14). */
export function attributeOf(message: StunMessage, type: number): Buffer | undefined {
  return message.attributes.find((attribute) => attribute.type === type)?.value;
}

/** ERROR-CODE (RFC 8489 §14.8). */
export function errorCode(code: number, reason: string): Buffer {
  return Buffer.concat([Uint8Array.of(0, 0, Math.floor(code / 100), code % 100), Buffer.from(reason)]);
}

/** The code in an ERROR-CODE, 300 to 699; null when it makes no sense. */
export function readErrorCode(value: Buffer): number | null {
  if (value.length < 4) return null;
  const [hundreds, rest] = [(value[2] ?? 0) & 7, value[3] ?? 0];
  return hundreds >= 3 && hundreds <= 6 && rest <= 99 ? hundreds * 100 + rest : null;
}

/** RFC 8489 §14.7. */
function fingerprintOf(before: Uint8Array): number {
  return (crc32(before) ^ 0x5354554e) >>> 0;
}

/** Whether MESSAGE-INTEGRITY (RFC 8489 §14.5, short-term key) is there and made with `key`. */
export function hasIntegrity(message: StunMessage, key: Uint8Array): boolean {
  const found = message.attributes.find((attribute) => attribute.type === ATTRIBUTE.messageIntegrity);
  if (!found || found.value.length !== 20) return false;
  const covered = Buffer.from(message.bytes.subarray(0, found.offset));
  covered.writeUInt16BE(found.offset + 24 - STUN_HEADER_BYTES, 2);
  return timingSafeEqual(createHmac('sha1', key).update(covered).digest(), found.value);
}
