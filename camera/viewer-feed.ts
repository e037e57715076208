import type { Clock, Timer } from '../electron/base/clock.ts';
import type { AccessUnit } from '../electron/media/access-unit.ts';
import type { BandwidthControl } from '../peer/session/bandwidth-control.ts';
import { MOST_BPS } from '../peer/session/bandwidth-estimator.ts';
import { Pacer } from '../peer/session/bandwidth-pacer.ts';
import type { CameraControl, StreamInfo } from '../peer/session/control-messages.ts';
import type { RtpFrame, RtpStream } from '../peer/session/rtp-stream.ts';
import { SendQueue, type SendLimits } from './send-queue.ts';
import { rtpFormat, TrackSender } from './track-sender.ts';

/** What a feed needs of a session. */
export interface FeedSession {
  createStream(payloadType: number): RtpStream;
  endStream(stream: RtpStream): void;
  send(message: CameraControl): void;
  /** What the way carries; without it nobody knows. */
  readonly bandwidth?: Pick<BandwidthControl, 'pacer' | 'estimateBps' | 'backedOffAt' | 'probe'>;
}

const TICK_MS = 4;
/** Headers around each packet's payload: RTP with extensions, SRTP, UDP, IP. */
const AROUND = 64;
/**
 * Time counts in steps of at most so much, ms: while this program was busy with something else nothing could be sent, which
 * says nothing about the way.
 */
const STEP_MS = 100;
/** A viewer that has just come has a whole group of pictures to catch up with: for so long it may take as long, ms. */
const BEGINNING_MS = 4_000;
/** The viewer is told anew how RTP times, media times and UTC belong together: this often, and when the last word is this wrong. */
const CLOCK_EVERY_MS = 5_000;
const CLOCK_AT_MOST_EVERY_MS = 200;
const CLOCK_TOLERANCE_MS = 4;

interface Told {
  readonly at: number;
  readonly pts: number;
  readonly utc: number;
}

/** Sends units to one viewer: paced, in order, whole beginnings of groups of pictures, none that is old. */
export class ViewerFeed {
  readonly #session: FeedSession;
  readonly #clock: Clock;
  readonly #queue: SendQueue;
  readonly #pacer: Pick<Pacer, 'available' | 'spend'>;
  readonly #tracks = new Map<'video' | 'audio', TrackSender>();
  readonly #told = new Map<TrackSender, Told>();
  #current: { track: TrackSender; frame: RtpFrame; next: number } | null = null;
  #timer: Timer | null = null;
  #unsendable = 0;
  /** The last picture of which anything was sent. */
  #last: { readonly timeline: number; readonly pts: number } | null = null;
  /** Beginnings of this feed. */
  #epoch = 0;
  #seenAt: number;
  #time = 0;
  #begunAt = 0;
  #closed = false;

  constructor(session: FeedSession, clock: Clock, limits?: Partial<SendLimits>) {
    this.#session = session;
    this.#clock = clock;
    this.#queue = new SendQueue(limits);
    this.#pacer = session.bandwidth?.pacer ?? new Pacer(clock, () => MOST_BPS);
    this.#seenAt = clock.monotonic();
  }

  get counters(): { readonly dropped: number; readonly overflows: number; readonly unsendable: number; readonly queued: number } {
    const { dropped, overflows, length } = this.#queue;
    return { dropped, overflows, unsendable: this.#unsendable, queued: length };
  }

  /** How long the next unit has waited to be sent, ms. */
  get waitMs(): number {
    return this.#queue.waitMs(this.#time);
  }

  /** Whether `unit` was captured after every picture of which anything was sent. */
  follows(unit: AccessUnit): boolean {
    return !this.#last || this.#last.timeline !== unit.timeline || unit.pts > this.#last.pts;
  }

  push(unit: AccessUnit): void {
    if (this.#closed) return;
    if (!rtpFormat(unit.config)) {
      this.#unsendable += 1;
      return;
    }
    this.#passTime();
    this.#queue.push(unit, this.#time);
    if (!this.#timer) this.#drain();
  }

  /** Forgets the pictures that wait; the next one must be a keyframe. */
  dropPictures(): void {
    this.#queue.clearVideo();
  }

  /** What was sent is lost, and what waits is old: the next keyframe begins streams of another timeline. */
  restart(): void {
    this.#queue.clear();
    this.#current = null;
    this.#epoch += 1;
    this.#last = null;
    this.#begunAt = this.#time;
    for (const { stream } of this.#tracks.values()) this.#session.endStream(stream);
    this.#tracks.clear();
    this.#told.clear();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#current = null;
  }

  #passTime(): void {
    const now = this.#clock.monotonic();
    this.#time += Math.min(STEP_MS, now - this.#seenAt);
    this.#seenAt = now;
  }

  #drain(): void {
    this.#timer = null;
    this.#passTime();
    while (this.#pacer.available > 0) {
      this.#current ??= this.#nextFrame();
      if (!this.#current) return;
      const { track, frame, next } = this.#current;
      track.stream.send(frame, next);
      this.#pacer.spend((frame.payloads[next]?.length ?? 0) + AROUND);
      this.#current = next + 1 < frame.payloads.length ? { track, frame, next: next + 1 } : null;
    }
    this.#queue.expire(this.#time, this.#time - this.#begunAt < BEGINNING_MS ? BEGINNING_MS : undefined);
    this.#timer = this.#clock.setTimeout(() => this.#drain(), TICK_MS);
  }

  #nextFrame(): { track: TrackSender; frame: RtpFrame; next: number } | null {
    for (;;) {
      const unit = this.#queue.shift();
      if (!unit) return null;
      const track = this.#trackOf(unit);
      if (!track) continue;
      const frame = track.frame(unit);
      if (frame.payloads.length === 0) {
        this.#unsendable += 1;
        continue;
      }
      if (unit.config.kind === 'video' && this.follows(unit)) this.#last = { timeline: unit.timeline, pts: unit.pts };
      this.#tellClock(track, unit);
      return { track, frame, next: 0 };
    }
  }

  #trackOf(unit: AccessUnit): TrackSender | null {
    const { kind } = unit.config;
    const known = this.#tracks.get(kind);
    if (known?.fits(unit)) return known;
    const format = rtpFormat(unit.config);
    if (!format) return null;
    const track = new TrackSender(unit, format, this.#session.createStream(format.payloadType), this.#epoch);
    const ended: StreamInfo[] = [];
    if (known) {
      const { last } = known.stream;
      if (last !== null) ended.push({ ...known.info, last });
      this.#session.endStream(known.stream);
      this.#told.delete(known);
    }
    this.#tracks.set(kind, track);
    this.#session.send({ type: 'streams', streams: [...ended, ...[...this.#tracks.values()].map(({ info }) => info)] });
    return track;
  }

  #tellClock(track: TrackSender, unit: AccessUnit): void {
    const now = this.#clock.monotonic();
    const told = this.#told.get(track);
    if (told) {
      const error = Math.abs(unit.utc - (told.utc + (unit.pts - told.pts) / 90));
      if (now - told.at < (error > CLOCK_TOLERANCE_MS ? CLOCK_AT_MOST_EVERY_MS : CLOCK_EVERY_MS)) return;
    }
    this.#told.set(track, { at: now, pts: unit.pts, utc: unit.utc });
    this.#session.send({ type: 'clock', ssrc: track.stream.ssrc, rtp: track.timestampOf(unit), pts: unit.pts, utc: unit.utc });
  }
}
