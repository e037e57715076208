import { pts90k, utcMs, type Pts90k, type UtcMs } from '../base/units.ts';
import type { GapReason } from '../contract/model.ts';
import type { AccessUnit, Fragment } from '../media/access-unit.ts';
import { parseFragment, setBaseDecodeTime, type FragmentSample } from '../media/fmp4/fragment.ts';
import { parseInit, sameFormat, type InitSegment } from '../media/fmp4/init.ts';
import { buildPrft } from '../media/fmp4/prft.ts';
import { MAX_SEGMENT_MS } from './segment.ts';

/** How long a segment is when nobody says. */
const SEGMENT_MS = 60_000;
/** A recording that begins so shortly before the boundary, as a share of the length, goes on to the next one. */
const MIN_SEGMENT_SHARE = 1 / 6;
/** Multiples of it, without their whole part, lie evenly spread however many there are (the golden ratio). */
const SPREAD = (Math.sqrt(5) - 1) / 2;
/** A keyframe's wall clock may differ so far from what the media time says before it counts as a jump of the clock. */
const UTC_JUMP_MS = 500;
/** Longer without a picture is not footage: the segment ends and the rest is a gap. */
export const HOLE_MS = 10_000;
/** A file whose media time and wall clock have come so far apart (a crystal that is off, a corrected clock) ends at the next keyframe. */
const DRIFT_MS = 40;
/** But not so soon after it began: what wavers is no drift. */
const DRIFT_AFTER_MS = 10_000;
/** Sound comes so much later than the picture it belongs to, at most; the file before the cut waits for it. */
const LATE_SOUND_MS = 500;
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
  readonly init: InitSegment;
  readonly start: UtcMs;
  /** Media time of the first picture, and of the file's time 0 in seconds. */
  readonly pts: Pts90k;
  readonly base: number;
  /** The next keyframe from here on begins a new file. */
  readonly boundary: number;
  /** The last keyframe: its wall clock and media time give those of the frames behind it. */
  keyAt: UtcMs;
  keyUtc: UtcMs;
  keyPts: Pts90k;
  lastDts: Pts90k;
  lastUtc: UtcMs;
  end: UtcMs;
  /** By track: the last decode time in the file. */
  readonly times: Map<number, number>;
}

/** A file that is over but for sound that may still come, and what came for the next one meanwhile. */
interface Turn {
  readonly from: Current;
  readonly end: UtcMs;
  readonly until: Pts90k;
  readonly held: CutEvent[];
}

/**
 * Decides where one camera's stream is cut into files, and makes each file complete in itself: times from 0 and the wall
 * clock before each keyframe. Pure: no clock, no files.
 */
export class SegmentCutter {
  readonly counters = { waitedForKeyframe: 0, unreadable: 0, audioOutside: 0 };
  readonly #share: number;
  readonly #segmentMs: () => number;
  #current: Current | null = null;
  #turn: Turn | null = null;
  #parsed: { bytes: Uint8Array; init: InitSegment | null } | null = null;
  #cause: Cause | null = null;

  /** @param segmentMs about how long a segment is, 10 000 to 600 000 ms; asked at the beginning of each */
  constructor(cameraKey: number, segmentMs: () => number = () => SEGMENT_MS) {
    this.#segmentMs = segmentMs;
    this.#share = (cameraKey * SPREAD) % 1;
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
    const events = this.#turned();
    if (!this.#current) return events;
    const { end } = this.#current;
    this.#current = null;
    return [...events, { kind: 'end', end }];
  }

  /** What waits for the last sound of the file before, without it: nothing more comes for a while. */
  settle(): CutEvent[] {
    return this.#turned();
  }

  #video(unit: AccessUnit & { readonly fragment: Fragment }, init: InitSegment, sample: FragmentSample): CutEvent[] {
    const events: CutEvent[] = [];
    const broken = this.#current && this.#broken(this.#current, unit, init);
    if (broken) events.push(...this.stop(broken));
    if (!this.#current && !unit.key) {
      this.counters.waitedForKeyframe += 1;
      return events;
    }
    if (this.#turn && unit.dts >= this.#turn.until) events.push(...this.#turned());
    // Held back while the file before waits for its last sound.
    const out = this.#turn?.held ?? events;
    if (this.#current && unit.key && this.#isOver(this.#current, unit)) events.push(...this.#next(this.#current, unit, init, sample));
    else if (this.#current) out.push(this.#frame(this.#current, unit, sample));
    else {
      events.push(this.#begin(unit, init, sample, utcMs(Math.round(unit.utc))));
      if (this.#current) events.push(this.#frame(this.#current, unit, sample));
    }
    return events;
  }

  /** Whether this keyframe begins another file though nothing is missing before it. */
  #isOver(current: Current, unit: AccessUnit): boolean {
    if (unit.utc >= current.boundary) return true;
    const driftMs = unit.utc - current.start - (unit.pts - current.pts) / 90;
    return Math.abs(driftMs) > DRIFT_MS && unit.utc - current.start >= DRIFT_AFTER_MS;
  }

  /** The next file begins where this one ends. */
  #next(current: Current, unit: AccessUnit & { readonly fragment: Fragment }, init: InitSegment, sample: FragmentSample): CutEvent[] {
    const before = this.#turned();
    const start = this.#keyTime(current, unit);
    const begin = this.#begin(unit, init, sample, start);
    const next = this.#current;
    const events = next ? [begin, this.#frame(next, unit, sample)] : [begin];
    if (init.tracks.length === 1) return [...before, { kind: 'end', end: start }, ...events];
    this.#turn = { from: current, end: start, until: pts90k(unit.dts + LATE_SOUND_MS * 90), held: events };
    return before;
  }

  /** Ends the file that waited for sound. */
  #turned(): CutEvent[] {
    const turn = this.#turn;
    this.#turn = null;
    return turn ? [{ kind: 'end', end: turn.end }, ...turn.held] : [];
  }

  /** Why this frame cannot go into the current file, or null. */
  #broken(current: Current, unit: AccessUnit, init: InitSegment): Cause | null {
    if (unit.timeline !== current.timeline) return { reason: 'session-lost', text: 'The connection to the camera was lost and made anew.' };
    if (init !== current.init) return { reason: 'format-changed', text: 'The camera changed its picture or sound format.' };
    const stepMs = (unit.dts - current.lastDts) / 90;
    if (stepMs < 0) return { reason: 'clock-set', text: `The camera’s times went back by ${inSeconds(-stepMs)}.` };
    if (stepMs > HOLE_MS)
      return unit.utc - current.lastUtc > HOLE_MS / 2
        ? { reason: 'source-stalled', text: `No picture came from the camera for ${Math.round(stepMs / 1000)} s.` }
        : { reason: 'clock-set', text: `The camera’s times jumped forward by ${inSeconds(stepMs)}.` };
    if (!unit.key)
      return current.end - current.start > MAX_SEGMENT_MS - SEGMENT_MS
        ? { reason: 'no-keyframe', text: 'The camera sent no keyframe for an hour.' }
        : null;
    const jump = unit.utc - current.keyUtc - (unit.pts - current.keyPts) / 90;
    if (Math.abs(jump) <= UTC_JUMP_MS) return null;
    return { reason: 'clock-set', text: `The clock was set ${jump > 0 ? 'forward' : 'back'} by ${inSeconds(Math.abs(jump))}.` };
  }

  #begin(unit: AccessUnit & { readonly fragment: Fragment }, init: InitSegment, sample: FragmentSample, start: UtcMs): CutEvent {
    const cause = this.#cause;
    this.#cause = null;
    const length = this.#segmentMs();
    const offset = Math.round(this.#share * length);
    this.#current = {
      timeline: unit.timeline,
      init,
      start,
      pts: unit.pts,
      base: sample.dts / sample.track.timescale,
      boundary: Math.ceil((start + length * MIN_SEGMENT_SHARE - offset) / length) * length + offset,
      keyAt: start,
      keyUtc: unit.utc,
      keyPts: unit.pts,
      lastDts: unit.dts,
      lastUtc: unit.utc,
      end: start,
      times: new Map(),
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
    current.lastUtc = unit.utc;
    const time = forward(current, sample, timeInFile(sample, current.base));
    const parts = rebased(unit.fragment.bytes, sample, time);
    if (!unit.key) return { kind: 'data', parts, keyframe: null, end: current.end };
    const prft = buildPrft({ trackId: sample.track.id, utc: current.keyAt, mediaTime: time });
    return { kind: 'data', parts: [prft, ...parts], keyframe: current.keyAt, end: current.end };
  }

  /** Sound belongs to the file that its time falls into; what comes before the first picture has none. */
  #audio(unit: AccessUnit & { readonly fragment: Fragment }, sample: FragmentSample): CutEvent[] {
    const current = this.#current;
    if (!current || unit.timeline !== current.timeline || this.#init(unit.fragment.init) !== current.init) return this.#outside();
    const turn = this.#turn;
    if (turn && timeInFile(sample, current.base) < 0) return this.#sound(turn.from, unit, sample, turn.end);
    return [...this.#turned(), ...this.#sound(current, unit, sample, current.end)];
  }

  #sound(file: Current, unit: AccessUnit & { readonly fragment: Fragment }, sample: FragmentSample, end: UtcMs): CutEvent[] {
    const time = timeInFile(sample, file.base);
    if (time < 0 || time <= (file.times.get(sample.track.id) ?? -1)) return this.#outside();
    file.times.set(sample.track.id, time);
    return [{ kind: 'data', parts: rebased(unit.fragment.bytes, sample, time), keyframe: null, end }];
  }

  #outside(): CutEvent[] {
    this.counters.audioOutside += 1;
    return [];
  }

  /** Keyframe times are whole milliseconds and always go forward within a file. */
  #keyTime(current: Current, unit: AccessUnit): UtcMs {
    return utcMs(Math.max(current.keyAt + 1, Math.round(unit.utc)));
  }

  /** The same object for the same format, so that identity tells a change: another ffmpeg may write bit rates and the like otherwise. */
  #init(bytes: Uint8Array): InitSegment | null {
    if (this.#parsed?.bytes === bytes) return this.#parsed.init;
    const init = parseInit(bytes);
    const known = this.#parsed?.init;
    this.#parsed = { bytes, init: init && known && sameFormat(init, known) ? known : init };
    return this.#parsed.init;
  }
}

function timeInFile(sample: FragmentSample, base: number): number {
  return sample.dts - Math.round(base * sample.track.timescale);
}

/** A camera may give two pictures one time: the later one is a tick later, as players want it. */
function forward(file: Current, sample: FragmentSample, time: number): number {
  const next = Math.max(time, (file.times.get(sample.track.id) ?? -1) + 1);
  file.times.set(sample.track.id, next);
  return next;
}

const inSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

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
