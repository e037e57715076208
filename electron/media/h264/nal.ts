import { concat } from '../concat.ts';

/** nal_unit_type (H.264 table 7-1), those that matter here. */
export const NAL = {
  slice: 1,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  aud: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  spsExtension: 13,
} as const;

export const nalType = (nal: Uint8Array): number => (nal[0] ?? 0) & 0x1f;

/** Whether the unit carries picture data: nal_unit_type 1 to 5. */
export const isVcl = (type: number): boolean => type >= NAL.slice && type <= NAL.idr;

/** More NAL units than any encoder puts into a picture; what comes after is not looked at. */
const MAX_NALS = 4096;

/**
 * The NAL units of `data`, each behind its length in 4 bytes (ISO 14496-15 §5.3), as views.
 * Stops at a length which does not fit; empty units are left out.
 */
export function splitAvcc(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const nals: Uint8Array[] = [];
  let offset = 0;
  while (offset + 4 <= data.length && nals.length < MAX_NALS) {
    const length = view.getUint32(offset);
    offset += 4;
    if (length > data.length - offset) break;
    if (length > 0) nals.push(data.subarray(offset, offset + length));
    offset += length;
  }
  return nals;
}

/** The units, each behind its length in 4 bytes, in one new array. */
export function joinAvcc(nals: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(nals.reduce((sum, nal) => sum + 4 + nal.length, 0));
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const nal of nals) {
    view.setUint32(offset, nal.length);
    out.set(nal, offset + 4);
    offset += 4 + nal.length;
  }
  return out;
}

/** The NAL units of an Annex B byte stream (H.264 annex B: start codes of 3 or 4 bytes), as views. */
export function splitAnnexB(data: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let start = -1;
  let zeros = 0;
  const add = (end: number) => {
    if (start < 0) return;
    while (end > start && data[end - 1] === 0) end -= 1;
    if (end > start && nals.length < MAX_NALS) nals.push(data.subarray(start, end));
  };
  for (let index = 0; index < data.length; index += 1) {
    const byte = data[index];
    if (byte === 0) {
      zeros += 1;
      continue;
    }
    if (byte === 1 && zeros >= 2) {
      add(index - zeros);
      start = index + 1;
    }
    zeros = 0;
  }
  add(data.length);
  return nals;
}

const START_CODE = Uint8Array.of(0, 0, 0, 1);

export const avccToAnnexB = (data: Uint8Array): Uint8Array => concat(splitAvcc(data).flatMap((nal) => [START_CODE, nal]));

/** Whether decoding can begin with this picture: it holds an IDR slice. */
export const hasIdr = (nals: readonly Uint8Array[]): boolean => nals.some((nal) => nalType(nal) === NAL.idr);
