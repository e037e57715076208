import type { AccessUnit, VideoConfig } from './access-unit.ts';
import { readU16 } from './fmp4/boxes.ts';
import { h264Config, parseAvcC } from './h264/avcc.ts';
import { NAL, nalType, splitAvcc } from './h264/nal.ts';

type Picture = Pick<AccessUnit, 'config' | 'key' | 'data'>;

/** nal_unit_type of H.265 (table 7-1). */
const SPS_H265 = 33;
const typeH265 = (nal: Uint8Array) => ((nal[0] ?? 0) >> 1) & 0x3f;

/** Whether a keyframe carries a sequence parameter set in band that its configuration does not know: the picture's format has changed. */
export function hasOtherSps({ config, key, data }: Picture): boolean {
  if (config.kind !== 'video' || !key) return false;
  const h264 = config.codec === 'h264';
  const sent = splitAvcc(data).filter((nal) => (h264 ? nalType(nal) === NAL.sps : typeH265(nal) === SPS_H265));
  if (sent.length === 0) return false;
  const known = h264 ? (parseAvcC(config.description)?.sps ?? []) : spsOfHvcC(config.description);
  return sent.some((nal) => !known.some((other) => Buffer.compare(nal, other) === 0));
}

/** The configuration that a keyframe of H.264 brings along; null when it brings none, and for H.265, whose record says more than its sets do. */
export function configInBand({ config, data }: Picture): VideoConfig | null {
  if (config.kind !== 'video' || config.codec !== 'h264') return null;
  const nals = splitAvcc(data);
  const sps = nals.filter((nal) => nalType(nal) === NAL.sps);
  const pps = nals.filter((nal) => nalType(nal) === NAL.pps);
  return h264Config(sps, pps);
}

/** The sequence parameter sets of an HEVCDecoderConfigurationRecord (ISO 14496-15 §8.3.3.1). */
function spsOfHvcC(record: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let offset = 23;
  for (let array = 0; array < (record[22] ?? 0) && offset + 3 <= record.length; array += 1) {
    const isSps = ((record[offset] ?? 0) & 0x3f) === SPS_H265;
    const count = readU16(record, offset + 1);
    offset += 3;
    for (let index = 0; index < count && offset + 2 <= record.length; index += 1) {
      const end = offset + 2 + readU16(record, offset);
      if (isSps && end <= record.length) found.push(record.subarray(offset + 2, end));
      offset = end;
    }
  }
  return found;
}
