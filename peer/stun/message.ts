import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The part of STUN (RFC 8489) that Keyhole speaks itself: Binding, and checking what others send. */
export const STUN_COOKIE = 0x2112a442;
export const STUN_HEADER_BYTES = 20;
export const METHOD_BINDING = 0x001;

export const STUN_CLASS = { request: 0x000, indication: 0x010, success: 0x100, error: 0x110 } as const;

export const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  messageIntegritySha256: 0x001c,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
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
    if (end > bytes.length) return null;
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

/** A message with these attributes, in order, and FINGERPRINT behind them. */
export function writeStun(
  message: { class: number; method: number; transactionId: Uint8Array },
  attributes: readonly { type: number; value: Uint8Array }[],
): Buffer {
  const { method } = message;
  const body = attributes.map(({ type, value }) => {
    const out = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
    out.writeUInt16BE(type, 0);
    out.writeUInt16BE(value.length, 2);
    out.set(value, 4);
    return out;
  });
  const header = Buffer.alloc(STUN_HEADER_BYTES);
  header.writeUInt16BE(message.class | (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2), 0);
  header.writeUInt16BE(body.reduce((sum, part) => sum + part.length, 0) + 8, 2);
  header.writeUInt32BE(STUN_COOKIE, 4);
  header.set(message.transactionId, 8);
  const before = Buffer.concat([header, ...body]);
  const fingerprint = Buffer.alloc(8);
  fingerprint.writeUInt16BE(ATTRIBUTE.fingerprint, 0);
  fingerprint.writeUInt16BE(4, 2);
  fingerprint.writeUInt32BE(fingerprintOf(before), 4);
  return Buffer.concat([before, fingerprint]);
}

/** RFC 8489 §14.7; over a message whose length field already counts the attribute itself. */
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

/** XOR-MAPPED-ADDRESS (RFC 8489 §14.2); null when `address` is no IP address. */
export function xorMappedAddress(address: string, port: number, transactionId: Uint8Array): Buffer | null {
  const raw = ipBytes(address);
  if (!raw) return null;
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(STUN_COOKIE, 0);
  mask.set(transactionId, 4);
  const out = Buffer.alloc(4 + raw.length);
  out[1] = raw.length === 4 ? 1 : 2;
  out.writeUInt16BE(port ^ (STUN_COOKIE >>> 16), 2);
  raw.forEach((byte, index) => (out[4 + index] = byte ^ (mask[index] ?? 0)));
  return out;
}

/** The address in an XOR-MAPPED-ADDRESS; null when it makes no sense. */
export function readXorMappedAddress(value: Buffer, transactionId: Uint8Array): { address: string; port: number } | null {
  const size = value[1] === 1 ? 4 : value[1] === 2 ? 16 : 0;
  if (size === 0 || value.length !== 4 + size) return null;
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(STUN_COOKIE, 0);
  mask.set(transactionId, 4);
  const raw = value.subarray(4).map((byte, index) => byte ^ (mask[index] ?? 0));
  const port = value.readUInt16BE(2) ^ (STUN_COOKIE >>> 16);
  if (size === 4) return { address: [...raw].join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) => (((raw[index * 2] ?? 0) << 8) | (raw[index * 2 + 1] ?? 0)).toString(16));
  return { address: groups.join(':'), port };
}

/** The 4 or 16 bytes of an address; 4 also of an IPv4 address in IPv6 clothes. Null when it is none. */
export function ipBytes(address: string): Buffer | null {
  const v4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(address);
  if (v4) {
    const bytes = v4.slice(1).map(Number);
    return bytes.every((byte) => byte <= 255) ? Buffer.from(bytes) : null;
  }
  const [bare = ''] = address.split('%');
  const halves = bare.split('::');
  if (halves.length > 2 || !/^[0-9a-f:]+$/i.test(bare)) return null;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const known = [...(head ?? []), ...(tail ?? [])];
  if (known.some((group) => !/^[0-9a-f]{1,4}$/i.test(group)) || (halves.length === 1 ? known.length !== 8 : known.length > 7)) return null;
  const groups = halves.length === 1 ? known : [...(head ?? []), ...Array<string>(8 - known.length).fill('0'), ...(tail ?? [])];
  const out = Buffer.alloc(16);
  groups.forEach((group, index) => out.writeUInt16BE(parseInt(group, 16), index * 2));
  return out;
}
