/**
 * Feedback about every packet of a session: when it arrived, or that it did not (RTP Extensions for Transport-wide Congestion
 * Control, draft-holmer-rmcat-transport-wide-cc-extensions-01; what browsers speak). The packets of all streams carry one
 * common number in a header extension; the receiver tells, several times a second, when each came. Read and written here and not
 * by the library, which makes up to 65,535 objects of a packet of forty bytes, and reads only one of the three kinds of chunks.
 */
export const TWCC_URI = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
/** RTCP: transport layer feedback (RFC 4585 §6.2) with this format. */
export const TWCC_FORMAT = 15;
const TRANSPORT_FEEDBACK = 205;
/** Packets that one feedback tells of, at most: longer ones are nonsense, or of a sender we do not know any more. */
export const MAX_TWCC_PACKETS = 2048;

/** A tick of the arrival times, ms. */
const TICK_MS = 0.25;
/** Ticks in a unit of the reference time, which is 64 ms. */
const REFERENCE_TICKS = 256;
const REFERENCE_UNITS = 2 ** 24;
/** The reference time wraps after this long, ms. */
export const TWCC_WRAP_MS = REFERENCE_UNITS * REFERENCE_TICKS * TICK_MS;

const LOST = 0;
const SMALL = 1;
const LARGE = 2;
const VECTOR = 7;
const MAX_RUN = 0x1fff;

export interface TwccFeedback {
  /** Number of the first packet it tells of, 16 bits. */
  readonly base: number;
  /** Of the packets from `base` on: when each arrived, ms by the receiver's clock modulo TWCC_WRAP_MS; NaN: not yet, or never. */
  readonly arrivals: readonly number[];
  /** Counts the feedbacks, 8 bits. */
  readonly count: number;
}

/** The extension's identifier (RFC 8285, one byte: 1..14) in a description, or null where the other end does not speak it. */
export function twccExtension(sdp: string): number | null {
  for (const [, id, uri] of sdp.matchAll(/^a=extmap:(\d{1,3})(?:\/\w+)? (\S+)/gm)) {
    if (uri === TWCC_URI && Number(id) >= 1 && Number(id) <= 14) return Number(id);
  }
  return null;
}

/**
 * A whole RTCP packet, for 1 to MAX_TWCC_PACKETS packets.
 * @returns null where two packets are further apart than 8 s, which cannot be said
 */
export function writeTwcc(feedback: TwccFeedback, senderSsrc: number, mediaSsrc: number): Buffer<ArrayBuffer> | null {
  const { base, arrivals, count } = feedback;
  const ticks = arrivals.map((at) => Math.round(at / TICK_MS));
  const reference = Math.floor((ticks.find((tick) => !Number.isNaN(tick)) ?? 0) / REFERENCE_TICKS);
  const symbols: number[] = [];
  const deltas: number[] = [];
  let last = reference * REFERENCE_TICKS;
  for (const tick of ticks) {
    if (Number.isNaN(tick)) {
      symbols.push(LOST);
      continue;
    }
    const delta = tick - last;
    last = tick;
    if (delta >= 0 && delta <= 0xff) {
      symbols.push(SMALL);
      deltas.push(delta);
    } else if (delta >= -0x8000 && delta <= 0x7fff) {
      symbols.push(LARGE);
      deltas.push((delta >> 8) & 0xff, delta & 0xff);
    } else return null;
  }
  const chunks = writeChunks(symbols);
  const bytes = 20 + chunks.length * 2 + deltas.length;
  const packet = Buffer.alloc(Math.ceil(bytes / 4) * 4);
  const padding = packet.length - bytes;
  packet[0] = 0x80 | (padding > 0 ? 0x20 : 0) | TWCC_FORMAT;
  packet[1] = TRANSPORT_FEEDBACK;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(senderSsrc, 4);
  packet.writeUInt32BE(mediaSsrc, 8);
  packet.writeUInt16BE(base & 0xffff, 12);
  packet.writeUInt16BE(symbols.length, 14);
  packet.writeUIntBE(((reference % REFERENCE_UNITS) + REFERENCE_UNITS) % REFERENCE_UNITS, 16, 3);
  packet[19] = count & 0xff;
  chunks.forEach((chunk, index) => packet.writeUInt16BE(chunk, 20 + index * 2));
  packet.set(deltas, 20 + chunks.length * 2);
  if (padding > 0) packet[packet.length - 1] = padding;
  return packet;
}

/** Runs of seven and more alike as one (§3.1.3), the others seven to a chunk (§3.1.4). */
function writeChunks(symbols: readonly number[]): number[] {
  const chunks: number[] = [];
  for (let at = 0; at < symbols.length;) {
    const symbol = symbols[at] ?? LOST;
    let run = 1;
    while (run < MAX_RUN && symbols[at + run] === symbol) run += 1;
    if (run >= VECTOR) {
      chunks.push((symbol << 13) | run);
      at += run;
      continue;
    }
    let chunk = 0xc000;
    for (let index = 0; index < VECTOR; index += 1) chunk |= (symbols[at + index] ?? LOST) << (12 - 2 * index);
    chunks.push(chunk);
    at += VECTOR;
  }
  return chunks;
}

/** Null for what makes no sense, and what tells of more packets than anybody has under way. @param body without RTCP's header and padding */
export function parseTwcc(body: Uint8Array): TwccFeedback | null {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (view.length < 18) return null;
  const count = view.readUInt16BE(10);
  if (count === 0 || count > MAX_TWCC_PACKETS) return null;
  const symbols: number[] = [];
  let at = 16;
  while (symbols.length < count) {
    if (at + 2 > view.length) return null;
    readChunk(view.readUInt16BE(at), count, symbols);
    at += 2;
  }
  let tick = view.readUIntBE(12, 3) * REFERENCE_TICKS;
  const arrivals: number[] = [];
  for (const symbol of symbols) {
    if (symbol === LOST) {
      arrivals.push(NaN);
      continue;
    }
    if (symbol > LARGE || at + symbol > view.length) return null;
    tick += symbol === SMALL ? view.readUInt8(at) : view.readInt16BE(at);
    at += symbol;
    arrivals.push(tick * TICK_MS);
  }
  return { base: view.readUInt16BE(8), arrivals, count: view.readUInt8(15) };
}

/** Appends the symbols of a chunk, no more than `count` in all. */
function readChunk(chunk: number, count: number, symbols: number[]): void {
  const isVector = (chunk & 0x8000) !== 0;
  const bits = isVector && (chunk & 0x4000) === 0 ? 1 : 2;
  const length = isVector ? 14 / bits : chunk & MAX_RUN;
  for (let index = 0; index < length && symbols.length < count; index += 1) {
    symbols.push(isVector ? (chunk >> (14 - bits * (index + 1))) & (bits === 1 ? 1 : 3) : (chunk >> 13) & 3);
  }
}
