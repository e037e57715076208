import { utcMs, type UtcMs } from '../base/units.ts';
import type { WithBytes } from '../contract/api.ts';
import type { CameraId, DecoderConfig, Gop, GopGap, Keyframe, Segment } from '../contract/model.ts';
import { concat } from '../media/concat.ts';
import { parseFragment } from '../media/fmp4/fragment.ts';
import type { InitSegment } from '../media/fmp4/init.ts';
import { CodedError, type ErrorCode } from '../base/errors.ts';
import { SPAN_TOLERANCE_MS } from '../storage/interface.ts';
import type { Footage } from './footage.ts';
import type { Recordings } from './recordings.ts';
import { damaged, fragmentsIn, type SegmentReader } from './segment-reader.ts';

/** What was recorded and cannot be shown now is a gap with a reason; another failure is nothing that a timeline has words for. */
const NOT_READABLE: readonly ErrorCode[] = [
  'not-found',
  'archive-unreachable',
  'archive-refused',
  'key-unavailable',
  'disk-slow',
  'disk-failed',
];

/** One group of pictures for the page's decoder: one read of exactly its bytes. */
export class GopReader {
  readonly #footage: Footage;
  readonly #recordings: Recordings;
  readonly #reader: SegmentReader;

  constructor(footage: Footage, recordings: Recordings, reader: SegmentReader) {
    this.#footage = footage;
    this.#recordings = recordings;
    this.#reader = reader;
  }

  /** The group that holds `at`, or why there is none. Errors: `not-found` for an unknown camera. */
  async gop({ camera: id, at }: { camera: CameraId; at: UtcMs }): Promise<WithBytes<Gop | GopGap>> {
    const camera = await this.#footage.camera(id);
    const exact = await this.#footage.locate(camera, at);
    // Two segments that follow each other with less than the tolerance between them are shown as one span: so they play as one.
    const segment = exact ?? (await this.#footage.locate(camera, utcMs(at - SPAN_TOLERANCE_MS)));
    const keyframe = segment && keyframeAt(segment, at);
    if (segment && keyframe && (exact || at < segment.end + SPAN_TOLERANCE_MS)) {
      try {
        return await this.#read(segment, keyframe);
      } catch (error) {
        if (!(error instanceof CodedError) || !NOT_READABLE.includes(error.code)) throw error;
        const around = await this.#footage.around(camera, at);
        const reason = error.code === 'not-found' ? 'unknown' : error.code;
        const gap = { kind: 'gap', from: segment.start, to: segment.end, reason, text: error.message, ...around } as const;
        return { value: gap, bytes: new Uint8Array() };
      }
    }
    const [gap, around] = await Promise.all([this.#recordings.gapAt(camera, at), this.#footage.around(camera, at)]);
    return { value: { kind: 'gap', ...gap, ...around }, bytes: new Uint8Array() };
  }

  async #read(segment: Segment, keyframe: Keyframe): Promise<WithBytes<Gop>> {
    const { init } = await this.#reader.header(segment);
    const bytes = await this.#reader.read(segment, keyframe.offset, keyframe.bytes);
    const { frames, data } = videoFrames(bytes, init, keyframe.at);
    const config = decoderConfig(init);
    if (!config || frames.length === 0) throw damaged(segment);
    const next = segment.keyframes.find((other) => other.at > keyframe.at);
    const gop: Gop = { kind: 'gop', from: keyframe.at, to: next?.at ?? segment.end, config, frames };
    return { value: gop, bytes: concat(data) };
  }
}

/** The last keyframe at or before `at`. */
export function keyframeAt(segment: Segment, at: UtcMs): Keyframe | null {
  let low = 0;
  let high = segment.keyframes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segment.keyframes[middle]?.at ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return segment.keyframes[low - 1] ?? null;
}

/** The pictures of one group, in decoding order. `keyAt`: wall clock of its keyframe. */
export function videoFrames(bytes: Uint8Array, init: InitSegment, keyAt: UtcMs): { frames: Gop['frames']; data: Uint8Array[] } {
  const frames: { at: UtcMs; key: boolean; bytes: number }[] = [];
  const data: Uint8Array[] = [];
  let first: number | null = null;
  for (const fragment of fragmentsIn(bytes)) {
    for (const sample of parseFragment(fragment, init) ?? []) {
      if (sample.track.config?.kind !== 'video' || sample.offset + sample.bytes > fragment.length) continue;
      first ??= sample.pts;
      const at = utcMs(Math.round(keyAt + ((sample.pts - first) / sample.track.timescale) * 1000));
      frames.push({ at, key: sample.key, bytes: sample.bytes });
      data.push(fragment.subarray(sample.offset, sample.offset + sample.bytes));
    }
  }
  return { frames, data };
}

export function decoderConfig(init: InitSegment): DecoderConfig | null {
  for (const { config } of init.tracks) {
    if (config?.kind !== 'video') continue;
    const { codecString, description, width, height } = config;
    return { codecString, description: Buffer.from(description).toString('base64'), width, height };
  }
  return null;
}
