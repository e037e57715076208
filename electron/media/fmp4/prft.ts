import { utcMs, type UtcMs } from '../../base/units.ts';
import { findBox, fullBox, readU32, readU64, u32, u64 } from './boxes.ts';

/** Says at which UTC the frame with this media time of this track was captured (`prft`, ISO 14496-12 §8.16.5). */
export interface ProducerReferenceTime {
  readonly trackId: number;
  readonly utc: UtcMs;
  /** In the track's timescale, as in `tfdt`. */
  readonly mediaTime: number;
}

/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_TO_UNIX = 2_208_988_800;
/** "The UTC time is the time at which the frame was captured" is the combination 8 | 16. */
const FLAGS_CAPTURED = 24;

/** Version 1: media times of 64 bits. Lies before the `moof` it speaks of. */
export function buildPrft(time: ProducerReferenceTime): Uint8Array {
  const [seconds, fraction] = toNtp(time.utc);
  return fullBox('prft', 1, FLAGS_CAPTURED, u32(time.trackId, seconds, fraction), u64(time.mediaTime));
}

/** The first `prft` among the boxes of `bytes`; null when there is none or it is cut off. */
export function parsePrft(bytes: Uint8Array): ProducerReferenceTime | null {
  const box = findBox(bytes, ['prft']);
  if (!box || box.end - box.bodyStart < 4) return null;
  const version = bytes[box.bodyStart] ?? 0;
  const at = box.bodyStart + 4;
  if (version > 1 || box.end - at < (version === 1 ? 20 : 16)) return null;
  const mediaTime = version === 1 ? readU64(bytes, at + 12) : readU32(bytes, at + 12);
  if (!Number.isSafeInteger(mediaTime)) return null;
  return { trackId: readU32(bytes, at), utc: fromNtp(readU32(bytes, at + 4), readU32(bytes, at + 8)), mediaTime };
}

/** Seconds and fraction of 2^-32 s (RFC 5905 §6), of whichever era. */
function toNtp(utc: UtcMs): [number, number] {
  let seconds = Math.floor(utc / 1000);
  let fraction = Math.round(((utc - seconds * 1000) / 1000) * 2 ** 32);
  if (fraction === 2 ** 32) {
    fraction = 0;
    seconds += 1;
  }
  return [(seconds + NTP_TO_UNIX) % 2 ** 32, fraction];
}

/** Seconds below 2^31 are of era 1, which begins in 2036 (RFC 4330 §3). Exact to a quarter of a microsecond. */
function fromNtp(seconds: number, fraction: number): UtcMs {
  const era = seconds < 2 ** 31 ? 2 ** 32 : 0;
  const ms = Math.round((fraction / 2 ** 32) * 4_000_000) / 4000;
  return utcMs((seconds + era - NTP_TO_UNIX) * 1000 + ms);
}
