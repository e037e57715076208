import type { CameraControl, ClockMapping, StreamInfo } from '../../../peer/session/control-messages.ts';
import type { InboundPacket } from '../../../peer/session/transport.ts';
import type { Clock } from '../../base/clock.ts';
import { pts90k } from '../../base/units.ts';
import type { AccessUnit } from '../../media/access-unit.ts';
import type { Reception } from '../source.ts';
import { StreamClock } from './stream-clock.ts';
import { createReceiver, type Track, type TrackFrame, type TrackLosses } from './track.ts';

/** Packets kept while the description of their stream is still on its way; the oldest go. */
const MAX_EARLY = 2048;
/** After an outage the camera begins anew, with other streams; one that does not within this time, ms, goes on at its next keyframe. */
const BEGIN_ANEW_MS = 3_000;
/** Streams at a time, those included that have ended and wait for their last packets; a camera has two. */
const MAX_TRACKS = 16;
/** Timelines that are over and remembered. */
const MAX_PAST = 16;
const PLI_AT_MOST_EVERY_MS = 500;
/** The rest of a stream that has ended is waited for a little longer than a repair takes, ms. */
const ENDING_MS = 100;
/**
 * A capture time older than this, or further in the future, is nonsense, ms: the camera's clock was just set, or the camera lies.
 * Recordings must not end up in another year; such a frame is taken for captured when it arrives.
 */
const MAX_AGE_MS = 600_000;
const MAX_AHEAD_MS = 10_000;

export interface ReceiverOptions {
  readonly clock: Clock;
  /** Gives a number to each timeline, new in all of the source's life. */
  readonly nextTimeline: () => number;
  /** ms that the camera's wall clock is ahead of ours. */
  readonly clockOffsetMs: () => number;
  readonly unit: (unit: AccessUnit) => void;
  readonly requestKeyframe: (ssrc: number) => void;
  /** How long it pays to wait for a packet of a stream that is missing, ms. */
  readonly repairMs: (ssrc: number) => number;
  readonly forget: (ssrc: number) => void;
}

export const NO_LOSSES: TrackLosses = { lostPackets: 0, latePackets: 0, damagedFrames: 0 };

/** Makes access units of one session's packets, with the streams and clocks that the control channel tells. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #tracks = new Map<number, Track>();
  #early: InboundPacket[] = [];
  readonly #pliAt = new Map<number, number>();
  /** The camera's number of the timeline, ours, its clock, and the last decoding time of each kind. */
  #timeline: { readonly theirs: number; readonly ours: number; readonly clock: StreamClock; readonly dts: Map<string, number> } | null =
    null;
  readonly #past = new Set<number>();
  readonly #counters = { early: 0, unknownCodec: 0, units: 0 };
  /** Of streams that are over. */
  #pastLosses = NO_LOSSES;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** `early`: packets dropped since their stream was never described. */
  get counters(): { readonly early: number; readonly unknownCodec: number; readonly units: number } {
    return { ...this.#counters };
  }

  /** How well the session's packets come. */
  get reception(): Reception {
    const tracks = [...this.#tracks.values()].map(({ receiver }) => receiver);
    const losses = tracks.reduce((sum, { losses: own }) => sumOf(sum, own), this.#pastLosses);
    return { ...losses, delayMs: Math.max(0, ...tracks.map(({ delayMs }) => delayMs)) };
  }

  onControl(message: CameraControl): void {
    if (message.type === 'streams') this.#setStreams(message.streams);
    if (message.type === 'clock') this.#setMapping(message);
  }

  push(packet: InboundPacket): void {
    const track = this.#tracks.get(packet.ssrc);
    if (track && this.#isBroken(track)) return;
    if (track?.mapping && this.#isFree(track)) {
      this.#emit(track, track.receiver.push(packet));
      if (track.ending) this.#finish(track);
      return;
    }
    this.#early.push(packet);
    if (this.#early.length > MAX_EARLY) {
      this.#early.shift();
      this.#counters.early += 1;
    }
  }

  /** Nothing came through for a while. What the streams still bring cannot be gone on from. */
  outage(): void {
    for (const track of this.#tracks.values()) track.brokenUntil = Infinity;
  }

  /** To be called about every 50 ms: gives up holes that nothing filled. */
  poll(): void {
    for (const track of [...this.#tracks.values()]) {
      if (track.mapping && this.#isFree(track)) this.#emit(track, track.receiver.poll());
      if (track.ending) this.#finish(track);
    }
  }

  #setStreams(streams: readonly StreamInfo[]): void {
    const wanted = new Set(streams.map(({ ssrc }) => ssrc));
    for (const track of [...this.#tracks.values()]) if (!wanted.has(track.info.ssrc) && !track.ending) this.#remove(track);
    const { clock, repairMs } = this.#options;
    for (const { ssrc, last } of streams) {
      const track = this.#tracks.get(ssrc);
      if (!track || track.ending || last === undefined) continue;
      track.ending = { last, until: clock.monotonic() + 1.5 * repairMs(ssrc) + ENDING_MS };
    }
    for (const info of streams) {
      if (this.#tracks.has(info.ssrc) || info.last !== undefined) continue;
      const [oldest] = this.#tracks.values();
      if (oldest && this.#tracks.size >= MAX_TRACKS) this.#remove(oldest);
      const { ssrc } = info;
      const receiver = createReceiver(info, { clock, repairMs: () => repairMs(ssrc), onDamaged: () => this.#onDamaged(ssrc) });
      if (receiver) this.#tracks.set(ssrc, { info, receiver, mapping: null, ending: null, brokenUntil: null, needsKey: false });
      else this.#counters.unknownCodec += 1;
    }
    for (const track of [...this.#tracks.values()]) if (track.ending) this.#finish(track);
  }

  #setMapping(mapping: ClockMapping): void {
    const track = this.#tracks.get(mapping.ssrc);
    if (!track) return;
    const first = track.mapping === null;
    track.mapping = mapping;
    if (first) this.#release(track);
  }

  #isBroken(track: Track): boolean {
    if (track.brokenUntil === null) return false;
    const now = this.#options.clock.monotonic();
    if (track.brokenUntil === Infinity) track.brokenUntil = now + BEGIN_ANEW_MS;
    if (now < track.brokenUntil) return true;
    track.brokenUntil = null;
    track.needsKey = track.info.kind === 'video';
    return false;
  }

  /** False while a stream of the same kind that came before it has not come to its end. */
  #isFree(track: Track): boolean {
    for (const other of this.#tracks.values()) {
      if (other === track) return true;
      if (other.ending && other.info.kind === track.info.kind) return false;
    }
    return true;
  }

  /** Takes the packets that waited for their turn. */
  #release(track: Track): void {
    if (!track.mapping || !this.#isFree(track)) return;
    const { ssrc } = track.info;
    const waiting = this.#early.filter((packet) => packet.ssrc === ssrc);
    if (waiting.length === 0) return;
    this.#early = this.#early.filter((packet) => packet.ssrc !== ssrc);
    for (const packet of waiting) this.#emit(track, track.receiver.push(packet));
    if (track.ending) this.#finish(track);
  }

  /** Removes a stream that has ended, once its last packet is through or nothing of it can come any more. */
  #finish(track: Track): void {
    const { ending, receiver, info } = track;
    if (!ending || this.#tracks.get(info.ssrc) !== track) return;
    if (!receiver.isThrough(ending.last) && this.#options.clock.monotonic() <= ending.until) return;
    this.#remove(track);
    for (const other of [...this.#tracks.values()]) if (other.info.kind === info.kind) this.#release(other);
  }

  #remove({ info, receiver }: Track): void {
    this.#pastLosses = sumOf(this.#pastLosses, receiver.losses);
    this.#tracks.delete(info.ssrc);
    this.#pliAt.delete(info.ssrc);
    this.#options.forget(info.ssrc);
  }

  #emit(track: Track, frames: readonly TrackFrame[]): void {
    const { info, mapping } = track;
    if (!mapping) return;
    for (const frame of frames) {
      if (track.needsKey && !frame.key) continue;
      track.needsKey = false;
      // The timestamp lies within 2^31 ticks of the newest report.
      const pts = Math.round(mapping.pts + ((frame.timestamp - mapping.rtp) | 0) * (90_000 / info.clockRate));
      const timeline = this.#timelineOf(info.timeline);
      if (pts < 0 || !timeline) continue;
      const last = timeline.dts.get(info.kind) ?? -1;
      const dts = Math.min(pts, Math.max(last + 1, pts - frame.composition, 0));
      timeline.dts.set(info.kind, Math.max(last, dts));
      const now = this.#options.clock.now();
      const told = mapping.utc + (pts - mapping.pts) / 90 - this.#options.clockOffsetMs();
      const reported = now - told > MAX_AGE_MS || told - now > MAX_AHEAD_MS ? now : told;
      this.#counters.units += 1;
      this.#options.unit({
        config: frame.config,
        timeline: timeline.ours,
        pts: pts90k(pts),
        dts: pts90k(dts),
        utc: timeline.clock.utcOf(pts, reported, frame.config.kind === 'video'),
        receivedAt: now,
        key: frame.key,
        data: frame.data,
      });
    }
  }

  /** Null for what comes late of a timeline that has been followed by another. */
  #timelineOf(theirs: number) {
    if (this.#timeline?.theirs !== theirs) {
      if (this.#past.has(theirs)) return null;
      if (this.#timeline) this.#past.add(this.#timeline.theirs);
      for (const oldest of this.#past) {
        if (this.#past.size <= MAX_PAST) break;
        this.#past.delete(oldest);
      }
      this.#timeline = { theirs, ours: this.#options.nextTimeline(), clock: new StreamClock(), dts: new Map() };
    }
    return this.#timeline;
  }

  #onDamaged(ssrc: number): void {
    const now = this.#options.clock.monotonic();
    if (now - (this.#pliAt.get(ssrc) ?? -Infinity) < PLI_AT_MOST_EVERY_MS) return;
    this.#pliAt.set(ssrc, now);
    this.#options.requestKeyframe(ssrc);
  }
}

/** Of two receivers of one source. */
export const sumOf = (a: TrackLosses, b: TrackLosses): TrackLosses => ({
  lostPackets: a.lostPackets + b.lostPackets,
  latePackets: a.latePackets + b.latePackets,
  damagedFrames: a.damagedFrames + b.damagedFrames,
});
