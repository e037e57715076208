import type { VideoConfig } from '../access-unit.ts';
import { parseSps } from './sps.ts';

/** An AVCDecoderConfigurationRecord (ISO 14496-15 §5.3.3.1), taken apart. */
export interface AvcC {
  readonly profile: number;
  readonly constraints: number;
  readonly level: number;
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** Null when the record is cut off or is not version 1. */
export function parseAvcC(bytes: Uint8Array): AvcC | null {
  const [version, profile, constraints, level, sizes, spsCount] = bytes;
  if (version !== 1 || profile === undefined || constraints === undefined || level === undefined) return null;
  if (sizes === undefined || spsCount === undefined) return null;
  let offset = 6;
  const take = (count: number): Uint8Array[] | null => {
    const nals: Uint8Array[] = [];
    for (let index = 0; index < count; index += 1) {
      const high = bytes[offset];
      const low = bytes[offset + 1];
      if (high === undefined || low === undefined) return null;
      const length = high * 256 + low;
      offset += 2;
      if (length === 0 || offset + length > bytes.length) return null;
      nals.push(bytes.subarray(offset, offset + length));
      offset += length;
    }
    return nals;
  };
  const sps = take(spsCount & 0x1f);
  const ppsCount = bytes[offset++];
  if (!sps || ppsCount === undefined) return null;
  const pps = take(ppsCount);
  return pps && { profile, constraints, level, lengthSize: (sizes & 3) + 1, sps, pps };
}

/**
 * The decoder configuration for these parameter sets, its lengths of 4 bytes.
 * Null when there are none, or the first sequence parameter set makes no sense.
 */
export function h264Config(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): VideoConfig | null {
  const first = sps[0];
  const parsed = first && parseSps(first);
  if (!parsed || pps.length === 0 || sps.length > 31 || pps.length > 255) return null;
  if ([...sps, ...pps].some((nal) => nal.length > 0xffff)) return null;
  const parts: number[] = [1, parsed.profile, parsed.constraints, parsed.level, 0xff, 0xe0 | sps.length];
  for (const nal of sps) parts.push(nal.length >> 8, nal.length & 255, ...nal);
  parts.push(pps.length);
  for (const nal of pps) parts.push(nal.length >> 8, nal.length & 255, ...nal);
  if ([100, 110, 122, 144].includes(parsed.profile)) {
    parts.push(0xfc | parsed.chromaFormat, 0xf8 | (parsed.bitDepthLuma - 8), 0xf8 | (parsed.bitDepthChroma - 8), 0);
  }
  return {
    kind: 'video',
    codec: 'h264',
    codecString: avc1String(parsed),
    description: Uint8Array.from(parts),
    width: parsed.width,
    height: parsed.height,
  };
}

/** RFC 6381 §3.3: `avc1.` and profile, constraints, level in hex. */
export function avc1String(of: { profile: number; constraints: number; level: number }): string {
  return 'avc1.' + [of.profile, of.constraints, of.level].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
