import { CodedError } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';
import type { ExportPart } from '../contract/export.ts';
import type { CameraId, Segment, Span } from '../contract/model.ts';
import { parseFragment, setBaseDecodeTime, setSequenceNumber } from '../media/fmp4/fragment.ts';
import { sameFormat, type InitSegment } from '../media/fmp4/init.ts';
import { SPAN_TOLERANCE_MS } from '../storage/interface.ts';
import type { Footage } from './footage.ts';
import { keyframeAt } from './gop.ts';
import { fragmentsIn, type SegmentHeader, type SegmentReader } from './segment-reader.ts';

/** A longer clip is refused: 7 days, as many segments as one list holds. */
const MAX_SEGMENTS = 10_000;

export interface ClipArgs extends Span {
  readonly camera: CameraId;
  readonly footage: Footage;
  readonly reader: SegmentReader;
  /** Told what the clip is made of; it has all groups of a segment read of which some go in. */
  readonly witness?: ClipWitness | undefined;
}

/** Sees what of which segment goes into a clip, in order. */
export interface ClipWitness {
  /** `header`: `ftyp` and `moov` as they are in its file. */
  segment(segment: Segment, header: Uint8Array): void;
  /** A whole group as it is in the file, before anything in it is changed. */
  group(bytes: Uint8Array): void;
  /** Of that group, which fragments go out (none: it is left out), and how much is added to the times of its tracks, in their timescales. */
  kept(fragments: readonly boolean[], shifts: ReadonlyMap<number, number>): void;
}

/**
 * One playable MP4 of [from, to), piece by piece: the header of the first segment, then the fragments of all with their times
 * made continuous, so that gaps are skipped. It begins at the keyframe at or before `from` and ends with the last frame before `to`.
 *
 * A camera whose picture or sound format changed within the range gives `conflict` before the first byte: one MP4 that
 * every player plays has one format. The error names the time of the change, so that two clips can be asked for.
 */
export async function* clip({ camera: id, from, to, footage, reader, witness }: ClipArgs): AsyncGenerator<Uint8Array> {
  const camera = await footage.camera(id);
  const segments = to > from ? await footage.segments(camera, from, to, MAX_SEGMENTS + 1) : [];
  const [first] = segments;
  if (!first) throw new CodedError('not-found', 'Nothing is recorded in this range.');
  if (segments.length > MAX_SEGMENTS) throw new CodedError('bad-request', 'This range is too long for one clip: ask for at most 7 days.');
  const header = await reader.header(first);
  await checkSameFormat(segments, header, reader);
  yield header.bytes;
  const joiner = new Joiner();
  for (const [index, segment] of segments.entries()) {
    const { init, bytes: head } = await reader.header(segment);
    joiner.next(segment);
    witness?.segment(segment, head);
    const until = Math.min(to, beginningOver(segment, segments[index + 1]));
    const begin = keyframeAt(segment, from)?.at ?? segment.start;
    for (const keyframe of segment.keyframes) {
      const inside = keyframe.at >= begin && keyframe.at < until;
      if (!inside && !witness) continue;
      const group = await reader.read(segment, keyframe.offset, keyframe.bytes);
      witness?.group(group);
      const { piece, kept, shifts } = inside ? joiner.add(group, init, until - keyframe.at) : LEFT_OUT;
      witness?.kept(kept, shifts);
      if (piece.length > 0) yield piece;
    }
  }
}

/** What was fetched later begins with a whole group of pictures, of which the outage had left the first ones: they are not shown twice. */
function beginningOver(segment: Segment, next: Segment | undefined): number {
  return next?.origin === 'healed' && next.start < segment.end ? next.start : Infinity;
}

/** The range in parts of one format each, so that each can be one clip, and about how large that is. Nothing where nothing is recorded. */
export async function partsOfOneFormat({ camera: id, from, to, footage, reader }: ClipArgs): Promise<ExportPart[]> {
  const segments = to > from ? await footage.segments(await footage.camera(id), from, to, MAX_SEGMENTS + 1) : [];
  if (segments.length > MAX_SEGMENTS) throw new CodedError('bad-request', 'This range is too long for one clip: ask for at most 7 days.');
  const parts: { from: UtcMs; to: UtcMs; bytes: number }[] = [];
  let last: SegmentHeader | null = null;
  for (const segment of segments) {
    const header = await reader.header(segment);
    if (!last || !sameFormat(last.init, header.init)) {
      const start = parts.length === 0 ? from : segment.start;
      const before = parts.at(-1);
      if (before) before.to = start;
      parts.push({ from: start, to, bytes: header.bytes.length });
    }
    last = header;
    const begin = keyframeAt(segment, from)?.at ?? segment.start;
    const part = parts.at(-1);
    for (const { at, bytes } of segment.keyframes) if (part && at >= begin && at < to) part.bytes += bytes;
  }
  return parts;
}

async function checkSameFormat(segments: readonly Segment[], first: SegmentHeader, reader: SegmentReader): Promise<void> {
  for (const segment of segments) {
    const { init } = await reader.header(segment);
    if (sameFormat(first.init, init)) continue;
    const when = new Date(segment.start).toISOString();
    throw new CodedError(
      'conflict',
      `The camera's picture or sound format changed at ${when}: ask for one clip up to there and one from there on.`,
    );
  }
}

interface Joined {
  readonly piece: Uint8Array;
  readonly kept: readonly boolean[];
  readonly shifts: ReadonlyMap<number, number>;
}

const LEFT_OUT: Joined = { piece: new Uint8Array(), kept: [], shifts: new Map() };

/** Puts the fragments of several files, each of which counts its times from 0, on one time line. */
class Joiner {
  #sequence = 0;
  /** Seconds that the output has reached. */
  #reached = 0;
  /** Where the current file's time 0 is in the output, seconds. Null while it is left to its first picture. */
  #zero: number | null = null;
  #segment: Segment | null = null;
  /** By track: the middle of the last sample, in the track's timescale. */
  readonly #ends = new Map<number, number>();
  /** Decode time of the last picture, seconds. */
  #lastStart = 0;

  /** Files that follow each other keep their distance; over a gap the next one begins where the last one ended. */
  next(segment: Segment): void {
    const last = this.#segment;
    const apart = last === null ? Infinity : segment.start - last.end;
    const continues = Math.abs(apart) <= SPAN_TOLERANCE_MS || (apart < 0 && segment.origin === 'healed');
    const follows = last !== null && this.#zero !== null && continues;
    this.#zero =
      follows && this.#zero !== null ? Math.max(this.#zero + (segment.start - last.start) / 1000, this.#lastStart + 0.001) : null;
    this.#segment = segment;
  }

  /** The group's fragments whose pictures are shown less than `lengthMs` after its first one. */
  add(group: Uint8Array, init: InitSegment, lengthMs: number): Joined {
    const out: Uint8Array[] = [];
    const kept: boolean[] = [];
    const shifts = new Map<number, number>();
    let keyPts: number | null = null;
    for (const fragment of fragmentsIn(group)) {
      kept.push(false);
      const sample = parseFragment(fragment, init)?.[0];
      if (!sample) continue;
      const { timescale, config } = sample.track;
      const seconds = sample.dts / timescale;
      if (config?.kind === 'video') keyPts ??= sample.pts / timescale;
      if (keyPts === null || (sample.pts / timescale - keyPts) * 1000 >= lengthMs) continue;
      this.#zero ??= this.#reached - seconds;
      const shift = Math.round(this.#zero * timescale);
      const time = sample.dts + shift;
      // Sound runs a little ahead of the picture: behind a gap some of it has been played already.
      const over = time < (this.#ends.get(sample.track.id) ?? 0) && config?.kind !== 'video';
      if (time < 0 || over || !setBaseDecodeTime(fragment, time)) continue;
      setSequenceNumber(fragment, ++this.#sequence);
      this.#ends.set(sample.track.id, time + Math.floor(sample.duration / 2));
      if (config?.kind === 'video') this.#advance(time / timescale, sample.duration / timescale);
      shifts.set(sample.track.id, shift);
      kept[kept.length - 1] = true;
      out.push(fragment);
    }
    return { piece: Buffer.concat(out), kept, shifts };
  }

  /** The muxer gives the frame before a stall the stall's length: that is part of the gap. */
  #advance(start: number, duration: number): void {
    const step = start - this.#lastStart;
    this.#lastStart = start;
    this.#reached = start + Math.min(duration, Math.max(1, 2 * step));
  }
}
