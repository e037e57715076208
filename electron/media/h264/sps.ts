import { BitReader, BitsExhausted, unescapeRbsp } from '../bit-reader.ts';
import { NAL, nalType } from './nal.ts';

/** What Keyhole needs of a sequence parameter set (H.264 §7.3.2.1). */
export interface Sps {
  readonly id: number;
  readonly profile: number;
  /** The 8 bits of constraint flags that follow the profile. */
  readonly constraints: number;
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels shown, after cropping. */
  readonly width: number;
  readonly height: number;
  /** From VUI timing, if it is there. */
  readonly fps: number | null;
}

/** Profiles whose parameter sets carry the chroma format (§7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MAX_SIDE = 16384;

/** Parses a NAL unit of type 7; null when it is none, is cut off, or says something impossible. */
export function parseSps(nal: Uint8Array): Sps | null {
  if (nal.length < 4 || nalType(nal) !== NAL.sps) return null;
  try {
    return read(new BitReader(unescapeRbsp(nal.subarray(1))));
  } catch (error) {
    if (error instanceof BitsExhausted) return null;
    throw error;
  }
}

function read(bits: BitReader): Sps | null {
  const profile = bits.bits(8);
  const constraints = bits.bits(8);
  const level = bits.bits(8);
  const id = bits.ue();
  if (id > 31) return null;
  let chromaFormat = 1;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  let separatePlanes = 0;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.ue();
    if (chromaFormat > 3) return null;
    if (chromaFormat === 3) separatePlanes = bits.bit();
    bitDepthLuma = 8 + bits.ue();
    bitDepthChroma = 8 + bits.ue();
    if (bitDepthLuma > 14 || bitDepthChroma > 14) return null;
    bits.skip(1);
    if (bits.bit()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  bits.ue(); // log2_max_frame_num_minus4
  const orderType = bits.ue();
  if (orderType === 0) bits.ue();
  else if (orderType === 1) {
    bits.skip(1);
    bits.se();
    bits.se();
    const cycle = bits.ue();
    if (cycle > 255) return null;
    for (let index = 0; index < cycle; index += 1) bits.se();
  } else if (orderType !== 2) return null;
  bits.ue(); // max_num_ref_frames
  bits.skip(1);
  const widthMbs = bits.ue() + 1;
  const heightMapUnits = bits.ue() + 1;
  const frameMbsOnly = bits.bit();
  if (!frameMbsOnly) bits.skip(1);
  bits.skip(1); // direct_8x8_inference_flag
  const crop = { left: 0, right: 0, top: 0, bottom: 0 };
  if (bits.bit()) Object.assign(crop, { left: bits.ue(), right: bits.ue(), top: bits.ue(), bottom: bits.ue() });
  // §7.4.2.1.1: crop units depend on the chroma sampling and on field coding.
  const planar = separatePlanes ? 0 : chromaFormat;
  const unitX = planar === 1 || planar === 2 ? 2 : 1;
  const unitY = (planar === 1 ? 2 : 1) * (2 - frameMbsOnly);
  const width = widthMbs * 16 - unitX * (crop.left + crop.right);
  const height = heightMapUnits * 16 * (2 - frameMbsOnly) - unitY * (crop.top + crop.bottom);
  if (width <= 0 || height <= 0 || width > MAX_SIDE || height > MAX_SIDE) return null;
  return { id, profile, constraints, level, chromaFormat, bitDepthLuma, bitDepthChroma, width, height, fps: readFps(bits) };
}

function skipScalingLists(bits: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (!bits.bit()) continue;
    let last = 8;
    let next = 8;
    for (let index = 0; index < (list < 6 ? 16 : 64); index += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      last = next === 0 ? last : next;
    }
  }
}

/** Frames a second from VUI timing (§E.1.1). A VUI that is cut off only costs the rate: the picture size is known by then. */
function readFps(bits: BitReader): number | null {
  try {
    if (!bits.bit()) return null;
    if (bits.bit() && bits.bits(8) === 255) bits.skip(32); // aspect ratio
    if (bits.bit()) bits.skip(1); // overscan
    if (bits.bit()) {
      bits.skip(4);
      if (bits.bit()) bits.skip(24);
    }
    if (bits.bit()) {
      bits.ue();
      bits.ue();
    }
    if (!bits.bit()) return null;
    const unitsInTick = bits.bits(32);
    const timeScale = bits.bits(32);
    if (unitsInTick === 0 || timeScale === 0) return null;
    const fps = timeScale / (2 * unitsInTick);
    return fps > 0 && fps <= 1000 ? fps : null;
  } catch (error) {
    if (error instanceof BitsExhausted) return null;
    throw error;
  }
}
