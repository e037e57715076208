import type { AccessUnit } from './access-unit.ts';
import { readU32 } from './fmp4/boxes.ts';

const H264 = { firstSlice: 1, idr: 5, sei: 6 };
const H265 = { lastVcl: 31, firstIrap: 16, lastIrap: 23 };

/**
 * Whether a video unit is what it says: NAL units that fill it exactly, each with a header that can be, picture data among them, and
 * with a keyframe data that decoding can begin with. What is inside the slices is the decoder's business.
 */
export function isPicture({ config, key, data }: Pick<AccessUnit, 'config' | 'key' | 'data'>): boolean {
  const h264 = config.codec === 'h264';
  let slices = false;
  let begins = false;
  let offset = 0;
  while (offset < data.length) {
    if (offset + 4 > data.length) return false;
    const length = readU32(data, offset);
    const end = offset + 4 + length;
    if (end > data.length) return false;
    const header = data[offset + 4] ?? 0;
    offset = end;
    if (length === 0) continue;
    // forbidden_zero_bit
    if (header & 0x80) return false;
    const type = h264 ? header & 0x1f : (header >> 1) & 0x3f;
    if (h264 ? type >= H264.firstSlice && type <= H264.idr : type <= H265.lastVcl) slices = true;
    // H.264 may also begin at a recovery point, which a SEI message tells.
    if (h264 ? type === H264.idr || type === H264.sei : type >= H265.firstIrap && type <= H265.lastIrap) begins = true;
  }
  return slices && (begins || !key);
}
