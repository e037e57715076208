import { concat } from '../concat.ts';

/** One box (ISO 14496-12 §4.2) within a buffer. */
export interface Box {
  /** Four characters, Latin-1. */
  readonly type: string;
  /** Where the box begins in the buffer. */
  readonly start: number;
  /** Where its content begins: behind size and type, and behind version and flags only where `fullBox` took them off. */
  readonly bodyStart: number;
  readonly end: number;
}

/** More boxes beside each other than any sane file has; what comes after is not looked at. */
const MAX_SIBLINGS = 10_000;

/** The boxes that lie one after another in `bytes[start..end)`. Stops at a box that does not fit. */
export function* boxesIn(bytes: Uint8Array, start = 0, end = bytes.length): Generator<Box> {
  let offset = start;
  for (let count = 0; count < MAX_SIBLINGS; count += 1) {
    const header = readHeader(bytes, offset, end);
    if (!header || header.end > end) return;
    yield header;
    offset = header.end;
  }
}

/** The box header at `offset`, whose `end` may lie beyond `end`; null when it is cut off or impossible. */
export function readHeader(bytes: Uint8Array, offset: number, end = bytes.length): Box | null {
  if (offset + 8 > end) return null;
  let size = readU32(bytes, offset);
  let headerBytes = 8;
  if (size === 1) {
    if (offset + 16 > end) return null;
    size = readU64(bytes, offset + 8);
    headerBytes = 16;
  } else if (size === 0) size = end - offset;
  if (size < headerBytes || !Number.isSafeInteger(size)) return null;
  return { type: readType(bytes, offset + 4), start: offset, bodyStart: offset + headerBytes, end: offset + size };
}

/** The first box at the end of `path`, `['moof', 'traf', 'tfdt']`. */
export function findBox(bytes: Uint8Array, path: readonly string[], start = 0, end = bytes.length): Box | null {
  let box: Box | null = null;
  for (const type of path) {
    box = firstBox(bytes, type, box?.bodyStart ?? start, box?.end ?? end);
    if (!box) return null;
  }
  return box;
}

/** Called several times for each frame: a loop, where `boxesIn` would make a generator. */
function firstBox(bytes: Uint8Array, type: string, start: number, end: number): Box | null {
  let offset = start;
  for (let count = 0; count < MAX_SIBLINGS; count += 1) {
    const header = readHeader(bytes, offset, end);
    if (!header || header.end > end) return null;
    if (header.type === type) return header;
    offset = header.end;
  }
  return null;
}

export const readType = (bytes: Uint8Array, offset: number): string =>
  String.fromCharCode(bytes[offset] ?? 0, bytes[offset + 1] ?? 0, bytes[offset + 2] ?? 0, bytes[offset + 3] ?? 0);
/** Missing bytes read as 0: the caller has checked that they are there. */
export const readU16 = (bytes: Uint8Array, offset: number): number => (bytes[offset] ?? 0) * 256 + (bytes[offset + 1] ?? 0);
export const readU32 = (bytes: Uint8Array, offset: number): number => readU16(bytes, offset) * 65536 + readU16(bytes, offset + 2);
/** Exact up to 2^53. */
export const readU64 = (bytes: Uint8Array, offset: number): number => readU32(bytes, offset) * 2 ** 32 + readU32(bytes, offset + 4);

export const u8 = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
export const u16 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [(value >> 8) & 255, value & 255]));
/** Each value is taken modulo 2^32, so that negative ones come out as two's complement. */
export function u32(...values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value));
  return out;
}
export const u64 = (value: number): Uint8Array => u32(Math.floor(value / 2 ** 32), value);
export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** A box of these contents. */
export function box(type: string, ...contents: readonly Uint8Array[]): Uint8Array {
  return concat([u32(8 + contents.reduce((sum, part) => sum + part.length, 0)), latin1(type), ...contents]);
}

/** A box that begins with version and flags (ISO 14496-12 §4.2). */
export function fullBox(type: string, version: number, flags: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return box(type, u32(version * 2 ** 24 + flags), ...contents);
}
