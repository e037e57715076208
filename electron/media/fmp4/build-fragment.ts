import { latin1, readU32 } from './boxes.ts';

/** Times in the track's timescale. */
export interface SampleToWrite {
  readonly data: Uint8Array;
  readonly duration: number;
  readonly key: boolean;
  /** pts - dts; may be negative. 0 when left out. */
  readonly compositionOffset?: number;
}

export interface FragmentToWrite {
  readonly trackId: number;
  readonly sequenceNumber: number;
  /** dts of the first sample, not negative. */
  readonly baseDecodeTime: number;
  readonly samples: readonly SampleToWrite[];
}

/** sample_depends_on 2 and nothing else; sample_depends_on 1 and non-sync (ISO 14496-12 §8.8.3.1). */
const KEY_FLAGS = 0x02000000;
const DELTA_FLAGS = 0x01010000;
const DEFAULT_BASE_IS_MOOF = 0x20000;

const fourCC = (type: string): number => readU32(latin1(type), 0);
const [MOOF, MFHD, TRAF, TFHD, TFDT, TRUN, MDAT] = [
  fourCC('moof'),
  fourCC('mfhd'),
  fourCC('traf'),
  fourCC('tfhd'),
  fourCC('tfdt'),
  fourCC('trun'),
  fourCC('mdat'),
];
const VERSION_1 = 0x1000000;
/** data_offset, and of each sample duration, size and flags. */
const TRUN_FIELDS = 0x701;
const TRUN_COMPOSITION = 0x800;

/**
 * A `moof` and its `mdat` with samples of one track, all values said in it. Written straight into one array: each frame of each
 * peer-to-peer camera comes through here.
 */
export function buildFragment(fragment: FragmentToWrite): Uint8Array {
  const { samples, baseDecodeTime } = fragment;
  const shifted = samples.some(({ compositionOffset }) => compositionOffset);
  const trunBytes = 20 + samples.length * (shifted ? 16 : 12);
  const moofBytes = 68 + trunBytes;
  const mdatBytes = samples.reduce((sum, { data }) => sum + data.length, 8);
  const out = new Uint8Array(moofBytes + mdatBytes);
  const view = new DataView(out.buffer);
  let at = 0;
  const put = (...words: readonly number[]) => {
    for (const word of words) {
      view.setUint32(at, word);
      at += 4;
    }
  };
  put(moofBytes, MOOF);
  put(16, MFHD, 0, fragment.sequenceNumber);
  put(moofBytes - 24, TRAF);
  put(16, TFHD, DEFAULT_BASE_IS_MOOF, fragment.trackId);
  put(20, TFDT, VERSION_1, Math.floor(baseDecodeTime / 2 ** 32), baseDecodeTime);
  put(trunBytes, TRUN, VERSION_1 | TRUN_FIELDS | (shifted ? TRUN_COMPOSITION : 0), samples.length, moofBytes + 8);
  for (const { data, duration, key, compositionOffset } of samples) {
    put(duration, data.length, key ? KEY_FLAGS : DELTA_FLAGS);
    if (shifted) put(compositionOffset ?? 0);
  }
  put(mdatBytes, MDAT);
  for (const { data } of samples) {
    out.set(data, at);
    at += data.length;
  }
  return out;
}
