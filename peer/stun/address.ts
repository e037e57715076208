/** A transport address of UDP or TCP. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The cookie of every STUN message (RFC 8489 §5), which XOR-addresses are mixed with. */
export const STUN_COOKIE = 0x2112a442;

/** XOR-MAPPED-ADDRESS and its like (RFC 8489 §14.2); null when `address` is no IP address. */
export function xorMappedAddress(address: string, port: number, transactionId: Uint8Array): Buffer | null {
  const out = mappedAddress(address, port);
  return out && mixed(out, transactionId);
}

/** The address in an XOR-MAPPED-ADDRESS, an XOR-PEER-ADDRESS or an XOR-RELAYED-ADDRESS; null when it makes no sense. */
export function readXorMappedAddress(value: Buffer, transactionId: Uint8Array): Endpoint | null {
  return value.length < 4 ? null : readMappedAddress(mixed(value, transactionId));
}

/** MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS (RFC 8489 §14.1, RFC 5780 §7); null when `address` is no IP address. */
export function mappedAddress(address: string, port: number): Buffer | null {
  const raw = ipBytes(address);
  if (!raw) return null;
  const out = Buffer.alloc(4 + raw.length);
  out[1] = raw.length === 4 ? 1 : 2;
  out.writeUInt16BE(port, 2);
  out.set(raw, 4);
  return out;
}

/** The address in such an attribute; null when it makes no sense. */
export function readMappedAddress(value: Buffer): Endpoint | null {
  const size = value[1] === 1 ? 4 : value[1] === 2 ? 16 : 0;
  if (size === 0 || value.length !== 4 + size) return null;
  return { address: ipText(value.subarray(4)), port: value.readUInt16BE(2) };
}

/** An address attribute with its port and address mixed with cookie and transaction; the same again undoes it. */
function mixed(value: Buffer, transactionId: Uint8Array): Buffer {
  const out = Buffer.from(value);
  out.writeUInt16BE(out.readUInt16BE(2) ^ (STUN_COOKIE >>> 16), 2);
  for (let at = 4; at < out.length && at < 20; at += 1) {
    const mask = at < 8 ? STUN_COOKIE >>> (8 * (7 - at)) : (transactionId[at - 8] ?? 0);
    out[at] = (out[at] ?? 0) ^ (mask & 0xff);
  }
  return out;
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

/** The text of 4 or 16 bytes as the system writes it (RFC 5952), so that equal addresses are equal texts. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16));
  let best = { from: 0, length: 1 };
  for (let from = 0; from < 8; from += 1) {
    let length = 0;
    while (groups[from + length] === '0') length += 1;
    if (length > best.length) best = { from, length };
  }
  if (best.length === 1) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`;
}

/** An address as a URL holds it: IPv6 in brackets. */
export function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
