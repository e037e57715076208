import { concat } from '../concat.ts';
import { box, fullBox, u32, u64 } from './boxes.ts';

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

/** A `moof` and its `mdat` with samples of one track, all values said in it. */
export function buildFragment(fragment: FragmentToWrite): Uint8Array {
  const { samples } = fragment;
  const shifted = samples.some(({ compositionOffset }) => compositionOffset);
  const entries = samples.flatMap(({ data, duration, key, compositionOffset }) => [
    duration,
    data.length,
    key ? KEY_FLAGS : DELTA_FLAGS,
    ...(shifted ? [compositionOffset ?? 0] : []),
  ]);
  const moof = (dataOffset: number) =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, u32(fragment.sequenceNumber)),
      box(
        'traf',
        fullBox('tfhd', 0, DEFAULT_BASE_IS_MOOF, u32(fragment.trackId)),
        fullBox('tfdt', 1, 0, u64(fragment.baseDecodeTime)),
        fullBox('trun', 1, 0x701 | (shifted ? 0x800 : 0), u32(samples.length, dataOffset, ...entries)),
      ),
    );
  const dataOffset = 88 + 4 * entries.length + 8;
  const bytes = samples.reduce((sum, { data }) => sum + data.length, 0);
  return concat([moof(dataOffset), u32(8 + bytes), MDAT, ...samples.map(({ data }) => data)]);
}

const MDAT = Uint8Array.of(0x6d, 0x64, 0x61, 0x74);
