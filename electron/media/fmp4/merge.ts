import { concat } from '../concat.ts';
import { box, boxesIn, findBox } from './boxes.ts';

/**
 * One init segment out of several of one track each: the first one's `ftyp` and `mvhd`, and everybody's track, numbered from 1
 * in the order given. Null when one of them has no track. Fragments must be renumbered the same way (`setTrackId`).
 */
export function mergeInits(inits: readonly Uint8Array[]): Uint8Array | null {
  const [first] = inits;
  const ftyp = first && findBox(first, ['ftyp']);
  const mvhd = first && findBox(first, ['moov', 'mvhd']);
  if (!first || !ftyp || !mvhd) return null;
  const traks: Uint8Array[] = [];
  const trexes: Uint8Array[] = [];
  for (const [index, init] of inits.entries()) {
    const trak = findBox(init, ['moov', 'trak']);
    const trex = findBox(init, ['moov', 'mvex', 'trex']);
    const tkhd = trak && findBox(init, ['tkhd'], trak.bodyStart, trak.end);
    if (!trak || !trex || !tkhd || tkhd.end - tkhd.bodyStart < 24 || trex.end - trex.bodyStart < 8) return null;
    const newTrak = init.slice(trak.start, trak.end);
    const newTrex = init.slice(trex.start, trex.end);
    const idAt = tkhd.bodyStart - trak.start + (init[tkhd.bodyStart] === 1 ? 20 : 12);
    new DataView(newTrak.buffer).setUint32(idAt, index + 1);
    new DataView(newTrex.buffer).setUint32(trex.bodyStart - trex.start + 4, index + 1);
    traks.push(newTrak);
    trexes.push(newTrex);
  }
  return concat([
    first.subarray(ftyp.start, ftyp.end),
    box('moov', first.subarray(mvhd.start, mvhd.end), ...traks, box('mvex', ...trexes)),
  ]);
}

/** Writes the track's number into each `tfhd`, in place; false when there is none. */
export function setTrackId(bytes: Uint8Array, trackId: number): boolean {
  const moof = findBox(bytes, ['moof']);
  let done = false;
  for (const traf of moof ? boxesIn(bytes, moof.bodyStart, moof.end) : []) {
    const tfhd = traf.type === 'traf' ? findBox(bytes, ['tfhd'], traf.bodyStart, traf.end) : null;
    if (!tfhd || tfhd.end - tfhd.bodyStart < 8) continue;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(tfhd.bodyStart + 4, trackId);
    done = true;
  }
  return done;
}
