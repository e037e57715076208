import { boxesIn, findBox, readU32, readU64, type Box } from './boxes.ts';
import type { InitSegment, InitTrack } from './init.ts';

/** One frame in a fragment. Times are in the track's timescale. */
export interface FragmentSample {
  readonly track: InitTrack;
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly key: boolean;
  /** Where its data is, counted from the first byte of the `moof`. */
  readonly offset: number;
  readonly bytes: number;
}

const TFHD = { baseDataOffset: 1, sampleDescription: 2, duration: 8, size: 0x10, flags: 0x20 };
const TRUN = { dataOffset: 1, firstFlags: 4, duration: 0x100, size: 0x200, flags: 0x400, compositionOffset: 0x800 };
const PER_SAMPLE = [TRUN.duration, TRUN.size, TRUN.flags, TRUN.compositionOffset];
/** sample_is_non_sync_sample (ISO 14496-12 §8.8.3.1). */
const NON_SYNC = 0x10000;
const MAX_SAMPLES = 20_000;

/**
 * The frames that the first `moof` in `bytes` describes, in order of the file. Only the `moof` itself is read:
 * compare `offset + bytes` with the length of the file before reading data.
 * Null when the box is cut off or contradicts itself, or when it uses absolute offsets (we and ffmpeg's default_base_moof do not).
 */
export function parseFragment(bytes: Uint8Array, init: InitSegment): FragmentSample[] | null {
  const moof = findBox(bytes, ['moof']);
  if (!moof) return null;
  const samples: FragmentSample[] = [];
  for (const traf of boxesIn(bytes, moof.bodyStart, moof.end)) {
    if (traf.type === 'traf' && !readTraf(bytes, traf, moof, init, samples)) return null;
  }
  return samples;
}

function readTraf(bytes: Uint8Array, traf: Box, moof: Box, init: InitSegment, samples: FragmentSample[]): boolean {
  const tfhd = findBox(bytes, ['tfhd'], traf.bodyStart, traf.end);
  if (!tfhd || tfhd.end - tfhd.bodyStart < 8) return false;
  const flags = readU32(bytes, tfhd.bodyStart) & 0xffffff;
  const track = init.tracks.find(({ id }) => id === readU32(bytes, tfhd.bodyStart + 4));
  if (!track || flags & TFHD.baseDataOffset) return false;
  let offset = tfhd.bodyStart + 8 + (flags & TFHD.sampleDescription ? 4 : 0);
  const optional = (flag: number, otherwise: number) => {
    if (!(flags & flag)) return otherwise;
    offset += 4;
    return readU32(bytes, offset - 4);
  };
  const duration = optional(TFHD.duration, track.defaults.duration);
  const size = optional(TFHD.size, track.defaults.size);
  const sampleFlags = optional(TFHD.flags, track.defaults.flags);
  if (offset > tfhd.end) return false;
  const tfdt = findBox(bytes, ['tfdt'], traf.bodyStart, traf.end);
  const start = tfdt && readBaseDecodeTime(bytes, tfdt);
  if (start === null) return false;
  const cursor = { dts: start, offset: moof.end - moof.start + 8 };
  for (const trun of boxesIn(bytes, traf.bodyStart, traf.end)) {
    if (trun.type === 'trun' && !readTrun(bytes, trun, { track, duration, size, flags: sampleFlags }, cursor, samples)) return false;
  }
  return true;
}

interface Defaults {
  readonly track: InitTrack;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function readTrun(
  bytes: Uint8Array,
  trun: Box,
  defaults: Defaults,
  cursor: { dts: number; offset: number },
  samples: FragmentSample[],
): boolean {
  if (trun.end - trun.bodyStart < 8) return false;
  const version = bytes[trun.bodyStart] ?? 0;
  const flags = readU32(bytes, trun.bodyStart) & 0xffffff;
  const count = readU32(bytes, trun.bodyStart + 4);
  let perSample = 0;
  for (const flag of PER_SAMPLE) if (flags & flag) perSample += 4;
  let offset = trun.bodyStart + 8;
  const take = () => {
    offset += 4;
    return readU32(bytes, offset - 4);
  };
  const head = (flags & TRUN.dataOffset ? 4 : 0) + (flags & TRUN.firstFlags ? 4 : 0);
  if (samples.length + count > MAX_SAMPLES || offset + head + count * perSample > trun.end) return false;
  if (flags & TRUN.dataOffset) cursor.offset = take() | 0;
  const firstFlags = flags & TRUN.firstFlags ? take() : null;
  if (cursor.offset < 0) return false;
  for (let index = 0; index < count; index += 1) {
    const duration = flags & TRUN.duration ? take() : defaults.duration;
    const size = flags & TRUN.size ? take() : defaults.size;
    const ownFlags = flags & TRUN.flags ? take() : defaults.flags;
    const shift = flags & TRUN.compositionOffset ? take() : 0;
    const key = ((index === 0 && firstFlags !== null ? firstFlags : ownFlags) & NON_SYNC) === 0;
    const pts = cursor.dts + (version === 0 ? shift : shift | 0);
    samples.push({ track: defaults.track, dts: cursor.dts, pts, duration, key, offset: cursor.offset, bytes: size });
    cursor.dts += duration;
    cursor.offset += size;
    if (!Number.isSafeInteger(cursor.dts) || !Number.isSafeInteger(cursor.offset)) return false;
  }
  return true;
}

function readBaseDecodeTime(bytes: Uint8Array, tfdt: Box): number | null {
  const wide = bytes[tfdt.bodyStart] === 1;
  if (tfdt.end - tfdt.bodyStart < (wide ? 12 : 8)) return null;
  const value = wide ? readU64(bytes, tfdt.bodyStart + 4) : readU32(bytes, tfdt.bodyStart + 4);
  return Number.isSafeInteger(value) ? value : null;
}

/** The decode time in the `tfdt` of the first `traf`, in its track's timescale; null when there is none. */
export function baseDecodeTime(bytes: Uint8Array): number | null {
  const tfdt = findBox(bytes, ['moof', 'traf', 'tfdt']);
  return tfdt && readBaseDecodeTime(bytes, tfdt);
}

/** The track of the first `traf`; null when it does not say. */
export function trackIdOf(bytes: Uint8Array): number | null {
  const tfhd = findBox(bytes, ['moof', 'traf', 'tfhd']);
  return tfhd && tfhd.end - tfhd.bodyStart >= 8 ? readU32(bytes, tfhd.bodyStart + 4) : null;
}

/**
 * Writes the decode time into the `tfdt` of the first `traf`, in place; false when there is none, or it is one of 32 bits
 * and the value is not.
 */
export function setBaseDecodeTime(bytes: Uint8Array, value: number): boolean {
  const tfdt = findBox(bytes, ['moof', 'traf', 'tfdt']);
  if (!tfdt || !Number.isSafeInteger(value) || value < 0) return false;
  const wide = bytes[tfdt.bodyStart] === 1;
  if (tfdt.end - tfdt.bodyStart < (wide ? 12 : 8) || (!wide && value >= 2 ** 32)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (wide) view.setUint32(tfdt.bodyStart + 4, Math.floor(value / 2 ** 32));
  view.setUint32(tfdt.bodyStart + (wide ? 8 : 4), value);
  return true;
}

/** Writes the number into `mfhd`, in place, modulo 2^32; false when there is none. */
export function setSequenceNumber(bytes: Uint8Array, value: number): boolean {
  const mfhd = findBox(bytes, ['moof', 'mfhd']);
  if (!mfhd || mfhd.end - mfhd.bodyStart < 8) return false;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(mfhd.bodyStart + 4, value);
  return true;
}
