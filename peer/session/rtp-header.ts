import { ExtensionProfiles, RtpHeader } from 'werift';

/**
 * Headers of RTP packets (RFC 3550 §5.1, extensions by RFC 8285). The library reads each packet's header twice, making strings of its
 * bits and taking them apart, and builds one property by property: more garbage than all else of a session together.
 */

const FIXED = 12;
const NONE: number[] = [];
const read = RtpHeader.deSerialize;

interface Extension {
  id: number;
  payload: Buffer;
}

/** A header that was read here: its extensions are looked for when somebody wants them. */
type ReadHeader = RtpHeader & { packet?: Buffer };

/** As a header of the library's, but for its extensions. */
const prototype: object = Object.create(RtpHeader.prototype, {
  extensions: {
    get(this: ReadHeader): Extension[] {
      return this.packet && this.extension ? listExtensions(this.packet, this.payloadOffset) : [];
    },
  },
});

/** What `RtpHeader.deSerialize` reads, which see; a header without sources, with no or one-byte extensions, without detours. */
export function readRtpHeader(packet: Buffer): RtpHeader {
  const first = packet[0] ?? 0xff;
  const extension = (first & 0x10) !== 0;
  if (packet.length < FIXED || (first & 0x0f) !== 0) return read(packet);
  const payloadOffset = extension ? extensionEnd(packet) : FIXED;
  if (payloadOffset === null) return read(packet);
  const second = packet[1] ?? 0;
  const header = Object.create(prototype) as ReadHeader;
  header.version = first >> 6;
  header.padding = (first & 0x20) !== 0;
  header.paddingSize = header.padding ? (packet[packet.length - 1] ?? 0) : 0;
  header.extension = extension;
  header.marker = (second & 0x80) !== 0;
  header.payloadOffset = payloadOffset;
  header.payloadType = second & 0x7f;
  header.sequenceNumber = packet.readUInt16BE(2);
  header.timestamp = packet.readUInt32BE(4);
  header.ssrc = packet.readUInt32BE(8);
  header.csrcLength = 0;
  header.csrc = NONE;
  header.extensionProfile = ExtensionProfiles.OneByte;
  header.packet = packet;
  if (extension) header.extensionLength = payloadOffset - FIXED - 4;
  return header;
}

/** The value of an extension, as it stands in the packet; null where there is none of this identifier and size. */
export function readExtension(header: RtpHeader, id: number, bytes: 2 | 3): number | null {
  const { packet }: ReadHeader = header;
  if (!header.extension || !packet) return null;
  const end = header.payloadOffset;
  for (let at = FIXED + 4; at < end;) {
    const head = packet[at] ?? 0;
    at += 1;
    // Padding (§4.2), and the identifier that ends it all.
    if (head === 0) continue;
    if (head >> 4 === 15) return null;
    const length = (head & 15) + 1;
    if (at + length > end) return null;
    if (head >> 4 === id && length === bytes) return packet.readUIntBE(at, bytes);
    at += length;
  }
  return null;
}

/** Where the extensions end and the payload begins; null where they are no one-byte ones, or reach over the end. */
function extensionEnd(packet: Buffer): number | null {
  if (packet.length < FIXED + 4 || packet.readUInt16BE(FIXED) !== ExtensionProfiles.OneByte) return null;
  const end = FIXED + 4 + packet.readUInt16BE(FIXED + 2) * 4;
  return end <= packet.length ? end : null;
}

function listExtensions(packet: Buffer, end: number): Extension[] {
  const list: Extension[] = [];
  for (let at = FIXED + 4; at < end;) {
    const head = packet[at] ?? 0;
    at += 1;
    if (head === 0) continue;
    if (head >> 4 === 15) break;
    const length = (head & 15) + 1;
    if (at + length > end) break;
    list.push({ id: head >> 4, payload: packet.subarray(at, at + length) });
    at += length;
  }
  return list;
}

/** For all sessions of the process, as the library offers no other place; idempotent. */
export function readRtpHeadersQuickly(): void {
  RtpHeader.deSerialize = readRtpHeader;
}

export interface OutboundHeader {
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payloadType: number;
  /** Numbers of 2 or 3 bytes, signed or not, by their identifiers, 1..14. */
  readonly extensions: readonly { readonly id: number; readonly value: number; readonly bytes: 2 | 3 }[];
}

/** A header for the library to seal a packet with: bytes already. */
export function writeRtpHeader(fields: OutboundHeader): RtpHeader {
  const { extensions, ssrc, sequenceNumber } = fields;
  const used = extensions.reduce((sum, { bytes }) => sum + 1 + bytes, 0);
  const size = extensions.length === 0 ? FIXED : FIXED + 4 + Math.ceil(used / 4) * 4;
  const bytes = Buffer.allocUnsafe(size).fill(0, FIXED);
  bytes[0] = extensions.length === 0 ? 0x80 : 0x90;
  bytes[1] = (fields.marker ? 0x80 : 0) | fields.payloadType;
  bytes.writeUInt16BE(sequenceNumber, 2);
  bytes.writeUInt32BE(fields.timestamp >>> 0, 4);
  bytes.writeUInt32BE(ssrc, 8);
  if (extensions.length > 0) {
    bytes.writeUInt16BE(ExtensionProfiles.OneByte, FIXED);
    bytes.writeUInt16BE((size - FIXED - 4) / 4, FIXED + 2);
    let at = FIXED + 4;
    for (const extension of extensions) {
      bytes[at] = (extension.id << 4) | (extension.bytes - 1);
      // The low bytes of a number below 0 are those of its two's complement.
      bytes.writeUIntBE(extension.value & (extension.bytes === 2 ? 0xffff : 0xffffff), at + 1, extension.bytes);
      at += 1 + extension.bytes;
    }
  }
  return new WrittenHeader(ssrc, sequenceNumber, bytes) as unknown as RtpHeader;
}

/** What sealing needs of a header, and nothing else. */
class WrittenHeader implements Pick<RtpHeader, 'ssrc' | 'sequenceNumber' | 'serializeSize' | 'serialize'> {
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly #bytes: Buffer<ArrayBuffer>;

  constructor(ssrc: number, sequenceNumber: number, bytes: Buffer<ArrayBuffer>) {
    this.ssrc = ssrc;
    this.sequenceNumber = sequenceNumber;
    this.#bytes = bytes;
  }

  get serializeSize(): number {
    return this.#bytes.length;
  }

  serialize(): Buffer<ArrayBuffer> {
    return this.#bytes;
  }
}
