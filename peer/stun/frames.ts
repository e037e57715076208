import { STUN_HEADER_BYTES } from './message.ts';

/** The header of ChannelData (RFC 8656 §12.4): channel number, length of what follows. */
export const CHANNEL_HEADER_BYTES = 4;
/** A STUN message over a stream: header, and what 16 bits can count. */
const MAX_FRAME = STUN_HEADER_BYTES + 0xffff;
const MAX_PARTS = 64;

export function isChannelData(firstByte: number): boolean {
  return (firstByte & 0xc0) === 0x40;
}

/**
 * Cuts a stream into STUN messages and ChannelData (RFC 8489 §6.2.2, RFC 8656 §12.5). Never holds more than one frame that is
 * not whole, and what came with it.
 */
export class StunFrames {
  #parts: Buffer[] = [];
  #bytes = 0;
  #needed = CHANNEL_HEADER_BYTES;

  /** The frames that are whole now, padding left out; null when this is no such stream: nothing more can be read of it. */
  push(chunk: Buffer): Buffer[] | null {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    // Joined only when a frame is whole, or the pieces are many: a frame that comes byte by byte is neither copied for each byte,
    // nor kept in as many buffers.
    if (this.#bytes < this.#needed) {
      if (this.#parts.length > MAX_PARTS) this.#parts = [Buffer.concat(this.#parts, this.#bytes)];
      return [];
    }
    const data = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#bytes);
    const frames: Buffer[] = [];
    let offset = 0;
    for (;;) {
      const left = data.length - offset;
      this.#needed = CHANNEL_HEADER_BYTES;
      if (left < CHANNEL_HEADER_BYTES) break;
      const first = data[offset] ?? 0;
      const isChannel = isChannelData(first);
      if (!isChannel && first > 3) return null;
      const size = (isChannel ? CHANNEL_HEADER_BYTES : STUN_HEADER_BYTES) + data.readUInt16BE(offset + 2);
      const padded = (size + 3) & ~3;
      // STUN counts its padding itself.
      if (size > MAX_FRAME || (!isChannel && padded !== size)) return null;
      this.#needed = padded;
      if (left < padded) break;
      frames.push(data.subarray(offset, offset + size));
      offset += padded;
    }
    const rest = data.subarray(offset);
    // A copy, lest one byte of a frame keeps all of a chunk.
    this.#parts = rest.length > 0 ? [Buffer.from(rest)] : [];
    this.#bytes = rest.length;
    return frames;
  }
}

/** A frame as a stream carries it: padded to a multiple of four. */
export function padFrame(frame: Buffer): Buffer {
  const missing = -frame.length & 3;
  return missing === 0 ? frame : Buffer.concat([frame, Buffer.alloc(missing)]);
}
