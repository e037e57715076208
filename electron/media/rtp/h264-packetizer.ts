import type { VideoConfig } from '../access-unit.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { hasIdr, NAL, nalType, splitAvcc } from '../h264/nal.ts';

const STAP_A = 24;
const FU_A = 28;

/**
 * RTP payloads of one frame (RFC 6184, packetization-mode 1): single NAL units, STAP-A for neighbours that fit together,
 * FU-A for those that do not fit alone. The caller sets the marker on the last one. A keyframe begins with SPS and PPS.
 * @param data AVCC, lengths of 4 bytes
 * @param mtu  most bytes in one payload, without the RTP header
 * @returns an empty list when `data` holds no whole NAL unit
 */
export function packetizeH264(data: Uint8Array, config: VideoConfig, mtu = 1200): Uint8Array[] {
  const nals = splitAvcc(data).filter((nal) => nalType(nal) !== NAL.aud && nalType(nal) !== NAL.filler);
  if (hasIdr(nals) && !nals.some((nal) => nalType(nal) === NAL.sps)) {
    const sets = parseAvcC(config.description);
    if (sets) nals.unshift(...sets.sps, ...sets.pps);
  }
  const payloads: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let smallBytes = 1;
  const flush = () => {
    const [first] = small;
    if (first) payloads.push(small.length === 1 ? first : aggregate(small, smallBytes));
    small = [];
    smallBytes = 1;
  };
  for (const nal of nals) {
    if (smallBytes + 2 + nal.length > mtu) flush();
    if (nal.length > mtu) payloads.push(...fragment(nal, mtu));
    else {
      small.push(nal);
      smallBytes += 2 + nal.length;
    }
  }
  flush();
  return payloads;
}

/** RFC 6184 §5.7.1: F and NRI are the greatest of the units'. */
function aggregate(nals: readonly Uint8Array[], bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  out[0] = nals.reduce((bits, nal) => Math.max(bits, (nal[0] ?? 0) & 0x60), 0) | STAP_A;
  let offset = 1;
  for (const nal of nals) {
    out[offset] = nal.length >> 8;
    out[offset + 1] = nal.length & 255;
    out.set(nal, offset + 2);
    offset += 2 + nal.length;
  }
  return out;
}

/** RFC 6184 §5.8; the pieces are of about equal size. */
function fragment(nal: Uint8Array, mtu: number): Uint8Array[] {
  const header = nal[0] ?? 0;
  const body = nal.length - 1;
  const count = Math.ceil(body / (mtu - 2));
  return Array.from({ length: count }, (_, index) => {
    const from = 1 + Math.floor((body * index) / count);
    const to = 1 + Math.floor((body * (index + 1)) / count);
    const out = new Uint8Array(2 + to - from);
    out[0] = (header & 0x60) | FU_A;
    out[1] = (index === 0 ? 0x80 : 0) | (index === count - 1 ? 0x40 : 0) | (header & 0x1f);
    out.set(nal.subarray(from, to), 2);
    return out;
  });
}
