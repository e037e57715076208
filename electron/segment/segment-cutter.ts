import { utcMs, type Pts90k, type UtcMs } from '../base/units.ts';
import type { GapReason } from '../contract/model.ts';
import type { AccessUnit, Fragment } from '../media/access-unit.ts';
import { parseFragment, setBaseDecodeTime, type FragmentSample } from '../media/fmp4/fragment.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import { buildPrft } from '../media/fmp4/prft.ts';
import { MAX_SEGMENT_MS } from './segment.ts';

/** Segments begin on the UTC minute (or whatever their length is), plus the camera's own few seconds, so that not every camera turns over at once. */
const SEGMENT_MS = 60_000;
/** A recording that begins so shortly before the boundary, as a share of the length, goes on to the next one. */
const MIN_SEGMENT_SHARE = 1 / 6;
const STAGGER_STEP_MS = 700;
const STAGGER_STEPS = 12;
/** A keyframe's wall clock may differ so far from what the media time says before it counts as a jump of the clock. */
const UTC_JUMP_MS = 500;
/** Longer without a picture is not footage: the segment ends and the rest is a gap. */
export const HOLE_MS = 10_000;
/** Length of a frame while none is known. */
const ASSUMED_FRAME_MS = 40;
/** The muxer gives the frame before a stall the stall's length; no more of it than this counts as footage (or two frames, if longer). */
const MAX_FRAME_MS = 1_000;

export interface Cause {
  readonly reason: GapReason;
  readonly text: string;
}

export type CutEvent =
  /** `cause`: should time be missing before it, this is why, as far as the stream shows. */
  | { readonly kind: 'begin'; readonly start: UtcMs; readonly init: Uint8Array; readonly codec: string; readonly cause: Cause | null }
  /** A whole fragment with its `prft` if it begins a group; `end`: the footage reaches up to here, exclusive. */
  | { readonly kind: 'data'; readonly parts: readonly Uint8Array[]; readonly keyframe: UtcMs | null; readonly end: UtcMs }
  | { readonly kind: 'end'; readonly end: UtcMs };

interface Current {
  readonly timeline: number;
  readonly fragmentInit: Uint8Array;
  readonly init: InitSegment;
  readonly start: UtcMs;
  /** Seconds of media time that the file's times are counted from. */
  readonly base: number;
  /** The next keyframe from here on begins a new file. */
  readonly boundary: number;
  /** The last keyframe: its wall clock and media time give those of the frames behind it. */
  keyAt: UtcMs;
  keyUtc: UtcMs;
  keyPts: Pts90k;
  lastDts: Pts90k;
  end: UtcMs;
}

/**
 * Decides where one camera's stream is cut into files, and makes each file complete in itself: times from 0 and the wall
 * clock before each keyframe. Pure: no clock, no files.
 */
export class SegmentCutter {
  readonly counters = { waitedForKeyframe: 0, unreadable: 0, audioOutside: 0 };
  readonly #staggerMs: number;
  readonly #segmentMs: () => number;
  #current: Current | null = null;
  #parsed: { bytes: Uint8Array; init: InitSegment | null } | null = null;
  #cause: Cause | null = null;

  /** @param segmentMs about how long a segment is, 10 000 to 600 000 ms; asked at the beginning of each */
  constructor(cameraKey: number, segmentMs: () => number = () => SEGMENT_MS) {
    this.#segmentMs = segmentMs;
    this.#staggerMs = (cameraKey % STAGGER_STEPS) * STAGGER_STEP_MS;
  }

  take(unit: AccessUnit & { readonly fragment: Fragment }): CutEvent[] {
    const init = this.#init(unit.fragment.init);
    const sample = init && parseFragment(unit.fragment.bytes, init)?.[0];
    if (!init || !sample) {
      this.counters.unreadable += 1;
      return [];
    }
    return unit.config.kind === 'video' ? this.#video(unit, init, sample) : this.#audio(unit, sample);
  }

  /** Ends the segment where the footage ends. The next one begins with a keyframe. */
  stop(cause: Cause | null = null): CutEvent[] {
    this.#cause = cause ?? this.#cause;
    if (!this.#current) return [];
    const { end } = this.#current;
    this.#current = null;
    return [{ kind: 'end', end }];
  }

  #video(unit: AccessUnit & { readonly fragment: Fragment }, init: InitSegment, sample: FragmentSample): CutEvent[] {
    const events: CutEvent[] = [];
    const broken = this.#current && this.#broken(this.#current, unit, init);
    if (broken) events.push(...this.stop(broken));
    if (!this.#current && !unit.key) {
      this.counters.waitedForKeyframe += 1;
      return events;
    }
    if (this.#current && unit.key && unit.utc >= this.#current.boundary) {
      const start = this.#keyTime(this.#current, unit);
      events.push({ kind: 'end', end: start }, this.#begin(unit, init, sample, start));
    }
    if (!this.#current) events.push(this.#begin(unit, init, sample, utcMs(Math.round(unit.utc))));
    if (this.#current) events.push(this.#frame(this.#current, unit, sample));
    return events;
  }

  /** Why this frame cannot go into the current file, or null. */
  #broken(current: Current, unit: AccessUnit, init: InitSegment): Cause | null {
    if (unit.timeline !== current.timeline) return { reason: 'session-lost', text: 'The connection to the camera was lost and made anew.' };
    if (init !== current.init) return { reason: 'format-changed', text: 'The camera changed its picture or sound format.' };
    const stepMs = (unit.dts - current.lastDts) / 90;
    if (stepMs < 0) return { reason: 'session-lost', text: 'The camera began its stream anew.' };
    if (stepMs > HOLE_MS) return { reason: 'source-stalled', text: `No picture came from the camera for ${Math.round(stepMs / 1000)} s.` };
    if (!unit.key)
      return current.end - current.start > MAX_SEGMENT_MS - SEGMENT_MS
        ? { reason: 'no-keyframe', text: 'The camera sent no keyframe for an hour.' }
        : null;
    const jump = unit.utc - current.keyUtc - (unit.pts - current.keyPts) / 90;
    if (Math.abs(jump) <= UTC_JUMP_MS) return null;
    return { reason: 'clock-set', text: `The clock was set ${jump > 0 ? 'forward' : 'back'} by ${(Math.abs(jump) / 1000).toFixed(1)} s.` };
  }

  #begin(unit: AccessUnit & { readonly fragment: Fragment }, init: InitSegment, sample: FragmentSample, start: UtcMs): CutEvent {
    const cause = this.#cause;
    this.#cause = null;
    const length = this.#segmentMs();
    this.#current = {
      timeline: unit.timeline,
      fragmentInit: unit.fragment.init,
      init,
      start,
      base: sample.dts / sample.track.timescale,
      boundary: Math.ceil((start + length * MIN_SEGMENT_SHARE - this.#staggerMs) / length) * length + this.#staggerMs,
      keyAt: start,
      keyUtc: unit.utc,
      keyPts: unit.pts,
      lastDts: unit.dts,
      end: start,
    };
    return { kind: 'begin', start, init: unit.fragment.init, codec: codecOf(init), cause };
  }

  #frame(current: Current, unit: AccessUnit & { readonly fragment: Fragment }, sample: FragmentSample): CutEvent {
    if (unit.key && current.end > current.start) {
      current.keyAt = this.#keyTime(current, unit);
      current.keyUtc = unit.utc;
      current.keyPts = unit.pts;
    }
    const at = current.keyAt + (unit.pts - current.keyPts) / 90;
    const stepMs = (unit.dts - current.lastDts) / 90;
    const durationMs = (sample.duration / sample.track.timescale) * 1000 || stepMs || ASSUMED_FRAME_MS;
    const shownMs = Math.min(durationMs, Math.max(MAX_FRAME_MS, 2 * stepMs));
    current.end = utcMs(Math.max(current.end, Math.round(at + shownMs), current.start + 1));
    current.lastDts = unit.dts;
    const time = timeInFile(sample, current.base);
    const parts = rebased(unit.fragment.bytes, sample, time);
    if (!unit.key) return { kind: 'data', parts, keyframe: null, end: current.end };
    const prft = buildPrft({ trackId: sample.track.id, utc: current.keyAt, mediaTime: time });
    return { kind: 'data', parts: [prft, ...parts], keyframe: current.keyAt, end: current.end };
  }

  /** Sound belongs to the file that its time falls into; what comes before the first picture has none. */
  #audio(unit: AccessUnit & { readonly fragment: Fragment }, sample: FragmentSample): CutEvent[] {
    const current = this.#current;
    const time = current ? timeInFile(sample, current.base) : -1;
    if (!current || time < 0 || unit.timeline !== current.timeline || this.#init(unit.fragment.init) !== current.init) {
      this.counters.audioOutside += 1;
      return [];
    }
    return [{ kind: 'data', parts: rebased(unit.fragment.bytes, sample, time), keyframe: null, end: current.end }];
  }

  /** Keyframe times are whole milliseconds and always go forward within a file. */
  #keyTime(current: Current, unit: AccessUnit): UtcMs {
    return utcMs(Math.max(current.keyAt + 1, Math.round(unit.utc)));
  }

  /** The same object for the same bytes, so that identity tells a change. */
  #init(bytes: Uint8Array): InitSegment | null {
    if (this.#parsed?.bytes === bytes) return this.#parsed.init;
    if (this.#parsed && Buffer.compare(this.#parsed.bytes, bytes) === 0) {
      this.#parsed = { bytes, init: this.#parsed.init };
      return this.#parsed.init;
    }
    this.#parsed = { bytes, init: parseInit(bytes) };
    return this.#parsed.init;
  }
}

function timeInFile(sample: FragmentSample, base: number): number {
  return sample.dts - Math.round(base * sample.track.timescale);
}

/** The fragment with another decode time. Only the `moof` is copied: other readers hold the same bytes. */
function rebased(bytes: Uint8Array, sample: FragmentSample, time: number): Uint8Array[] {
  const moofBytes = sample.offset - 8;
  const moof = bytes.slice(0, moofBytes);
  if (!setBaseDecodeTime(moof, time)) throw new Error('a fragment without a decode time');
  return [moof, bytes.subarray(moofBytes)];
}

function codecOf(init: InitSegment): string {
  return init.tracks.map((track) => track.config?.codecString ?? track.format).join(',');
}
