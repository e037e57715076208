import type { Clock, Timer } from '../electron/base/clock.ts';
import type { AccessUnit } from '../electron/media/access-unit.ts';
import type { CameraControl } from '../peer/session/control-messages.ts';
import type { RtpFrame, RtpStream } from '../peer/session/rtp-stream.ts';
import { SendQueue, type SendLimits } from './send-queue.ts';
import { rtpFormat, TrackSender } from './track-sender.ts';

/** What a feed needs of a session. */
export interface FeedSession {
  createStream(payloadType: number): RtpStream;
  endStream(stream: RtpStream): void;
  send(message: CameraControl): void;
}

/** Bytes a millisecond, and at once: a keyframe of usual size leaves in one go, a whole group of pictures does not. */
const PACE = { bytesPerMs: 5_000, burst: 64 * 1024 };
const TICK_MS = 4;
/** The viewer is told anew how RTP times, media times and UTC belong together: this often, and when the last word is this wrong. */
const CLOCK_EVERY_MS = 5_000;
const CLOCK_AT_MOST_EVERY_MS = 200;
const CLOCK_TOLERANCE_MS = 4;

interface Told {
  readonly at: number;
  readonly pts: number;
  readonly utc: number;
}

/** Sends units to one viewer: paced, in order, whole groups of pictures. */
export class ViewerFeed {
  readonly #session: FeedSession;
  readonly #clock: Clock;
  readonly #queue: SendQueue;
  readonly #tracks = new Map<'video' | 'audio', TrackSender>();
  readonly #told = new Map<TrackSender, Told>();
  #tokens = PACE.burst;
  #refilledAt: number;
  #current: { track: TrackSender; frame: RtpFrame; next: number } | null = null;
  #timer: Timer | null = null;
  #unsendable = 0;
  /** Beginnings of this feed. */
  #epoch = 0;
  #closed = false;

  constructor(session: FeedSession, clock: Clock, limits?: SendLimits) {
    this.#session = session;
    this.#clock = clock;
    this.#queue = new SendQueue(limits);
    this.#refilledAt = clock.monotonic();
  }

  get counters(): { readonly dropped: number; readonly unsendable: number; readonly queued: number } {
    return { dropped: this.#queue.dropped, unsendable: this.#unsendable, queued: this.#queue.length };
  }

  push(unit: AccessUnit): void {
    if (this.#closed) return;
    if (!rtpFormat(unit.config)) {
      this.#unsendable += 1;
      return;
    }
    this.#queue.push(unit);
    if (!this.#timer) this.#drain();
  }

  /** What was sent is lost, and what waits is old: the next keyframe begins streams of another timeline. */
  restart(): void {
    this.#queue.clear();
    this.#current = null;
    this.#epoch += 1;
    for (const { stream } of this.#tracks.values()) this.#session.endStream(stream);
    this.#tracks.clear();
    this.#told.clear();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#current = null;
  }

  #drain(): void {
    this.#timer = null;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(PACE.burst, this.#tokens + (now - this.#refilledAt) * PACE.bytesPerMs);
    this.#refilledAt = now;
    while (this.#tokens > 0) {
      this.#current ??= this.#nextFrame();
      if (!this.#current) return;
      const { track, frame, next } = this.#current;
      track.stream.send(frame, next);
      this.#tokens -= (frame.payloads[next]?.length ?? 0) + 40;
      this.#current = next + 1 < frame.payloads.length ? { track, frame, next: next + 1 } : null;
    }
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
    if (known) {
      this.#session.endStream(known.stream);
      this.#told.delete(known);
    }
    this.#tracks.set(kind, track);
    this.#session.send({ type: 'streams', streams: [...this.#tracks.values()].map(({ info }) => info) });
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
