import type { Clock, Timer } from '../base/clock.ts';
import type { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, CameraState, Reason, RecordingSettings, Segment, Span } from '../contract/model.ts';
import type { AccessUnit, Fragment } from '../media/access-unit.ts';
import { isPicture } from '../media/picture-check.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { SegmentDisk } from '../segment/disk.ts';
import type { SegmentRegister } from '../segment/segment.ts';
import type { StorageFolders } from './folders.ts';
import { GapLedger, type Interruption } from './gap-ledger.ts';
import { RemuxFeed, type RemuxFactory } from '../segment/remux-feed.ts';
import { HOLE_MS, SegmentCutter, type Cause } from '../segment/segment-cutter.ts';
import { SoundWait } from '../segment/sound-wait.ts';
import { SegmentWriter } from '../segment/segment-writer.ts';

/** Footage waiting for the disk, bytes. Beyond it frames are dropped up to the next keyframe, and counted. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
/** Without a frame for so long while the source says it is not live, the segment ends, milliseconds. */
const SETTLE_MS = 1_000;
const CHECK_MS = 1_000;
/** A full or unwritable disk is tried again after this, milliseconds. */
const RETRY_MS = 5_000;
/** The file stays open for so long while nothing is to be recorded: what follows on it then needs no keyframe. */
const PAUSE_MS = 15_000;
/** `onAdded` is told at most so often, milliseconds. */
const ADDED_MS = 1_000;

export interface RecorderOptions {
  readonly camera: { readonly id: CameraId; readonly key: CameraKey };
  readonly storage: Pick<Storage, 'call'>;
  readonly register: SegmentRegister;
  readonly folders: Pick<StorageFolders, 'choose' | 'failed'>;
  /** As they are now: read at the beginning of each segment. */
  readonly settings: () => Pick<RecordingSettings, 'segmentS' | 'folder'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly remux: RemuxFactory;
  /** Footage became playable: about each second while it comes in, and at the end of each segment. */
  readonly onAdded?: (span: Span) => void;
  /** `recording` or `reason` changed. */
  readonly onChanged?: () => void;
  /** It is closed, and everything that was pushed is on the disk. */
  readonly onClosed?: () => void;
  readonly headroomBytes?: number;
  readonly disk?: SegmentDisk;
}

export interface SourceState {
  readonly state: CameraState;
  readonly reason: Reason | null;
}

/** Records one camera: units in, files and rows and reasons of gaps out. Recovers by itself from whatever can be recovered from. */
export class Recorder {
  /** `garbled`: pictures that are none. */
  readonly counters = { units: 0, garbled: 0, dropped: 0, overflows: 0 };
  readonly #options: RecorderOptions;
  readonly #cutter: SegmentCutter;
  readonly #writer: SegmentWriter;
  readonly #ledger: GapLedger;
  readonly #remux: RemuxFeed;
  readonly #sound = new SoundWait();
  #source: SourceState = { state: 'connecting', reason: null };
  /** Why the source was offline last, until footage goes on: an outage that nobody had the time to note. */
  #wentAway: Cause | null = null;
  /** Set while frames are dropped until writing may be tried again. */
  #failure: { readonly cause: Cause; readonly retryAt: number; retried: boolean } | null = null;
  #overflowing = false;
  /** Set while nothing is to be recorded, and why. */
  #held: Cause | null = null;
  /** Since when, monotonic; null when what comes next cannot follow on what was recorded before. */
  #pausedAt: number | null = null;
  /** Set from the end of a hold to the first unit that was not recorded before it. */
  #released: { readonly cause: Cause; sawLast: boolean } | null = null;
  /** The last unit that was pushed: decode times of one timeline. */
  #pushed = { timeline: -1, video: -1, audio: -1 };
  /** Monotonic times: last frame that could be recorded, last one pushed, when the source became live. */
  #lastVideo: number;
  #lastPush: number;
  #liveSince = 0;
  #taken = 0;
  #wanted: { from: UtcMs; to: UtcMs } | null = null;
  #toldAt = 0;
  #wasRecording = false;
  #timer: Timer | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: RecorderOptions) {
    const { camera, storage, clock, log } = options;
    this.#options = options;
    this.#cutter = new SegmentCutter(camera.key, () => options.settings().segmentS * 1000);
    this.#ledger = new GapLedger(camera.key, storage, log);
    this.#writer = new SegmentWriter({
      camera,
      clock,
      log,
      register: options.register,
      folder: () => options.folders.choose(options.settings().folder),
      failed: (folder, error) => options.folders.failed(folder, error),
      headroomBytes: options.headroomBytes,
      disk: options.disk,
      onWritten: (from, to, cause) => this.#written(from, to, cause),
      onUnfinished: (from, to, { code, message }) =>
        this.#ledger.lost(from, to, { reason: code, text: `It was recorded, but its file could not be finished. ${message}` }),
      onFailed: (error, elsewhere) => this.#failed(error, elsewhere),
    });
    this.#remux = new RemuxFeed({
      create: options.remux,
      clock,
      log,
      onFragment: (unit) => this.#take(unit),
      onLost: (cause) => this.#halt(cause),
    });
    this.#lastVideo = this.#lastPush = clock.monotonic();
    this.#interrupt(this.#sourceCause());
    this.#arm();
  }

  /** True while footage reaches the disk. */
  get recording(): boolean {
    return this.#ledger.current === null;
  }

  /** Why it is not recording, and since when. */
  get reason(): Interruption | null {
    return this.#ledger.current;
  }

  /** What can be played and is not in the database yet, oldest first; the last one may be open. */
  segments(): readonly Segment[] {
    return this.#writer.segments();
  }

  /** The segment being written, up to what is on disk. */
  openSegment(): Segment | null {
    return this.#writer.segments().find((segment) => segment.open) ?? null;
  }

  get stats() {
    return {
      ...this.counters,
      ...this.#writer.counters,
      queuedBytes: this.#writer.queuedBytes,
      waitedForKeyframe: this.#cutter.counters.waitedForKeyframe,
      unreadable: this.#cutter.counters.unreadable,
      gaps: this.#ledger.counters.opened,
      remuxRestarts: this.#remux.counters.restarts,
    };
  }

  /** One frame of the camera, video or audio. Never blocks. */
  push(unit: AccessUnit): void {
    if (this.#closed || this.#held || this.#isRecorded(unit)) return;
    this.counters.units += 1;
    if (unit.config.kind === 'video') {
      this.#lastPush = this.#options.clock.monotonic();
      if (!isPicture(unit)) {
        this.counters.garbled += 1;
        return;
      }
    }
    if (hasFragment(unit)) this.#take(unit);
    else for (const ready of this.#sound.take(unit)) this.#remux.push(ready);
  }

  /** The source's state: its reasons become the reasons of gaps. */
  sourceStatus(status: SourceState): void {
    if (this.#closed) return;
    if (status.state === 'live' && this.#source.state !== 'live') this.#liveSince = this.#options.clock.monotonic();
    this.#source = { state: status.state, reason: status.reason };
    if (status.state === 'offline') this.#wentAway = this.#sourceCause();
    // A camera that connects again is still missing for the reason it went away.
    if (status.state === 'offline' && !this.recording && !this.#failure && !this.#held) this.#interrupt(this.#sourceCause());
  }

  /**
   * Nothing is to be recorded from here on, for this reason (`schedule`, `no-event`), or again (null). What is pushed meanwhile is not taken.
   * After a hold older units may come, at once and out of a ring: those that were recorded before are left out, and what follows on them
   * goes into the same file. Idempotent.
   */
  hold(cause: Cause | null): void {
    if (this.#closed || this.#held?.reason === cause?.reason) return;
    const before = this.#held;
    const now = this.#options.clock.monotonic();
    this.#held = cause;
    this.#lastVideo = now;
    if (cause && before) this.#interrupt(cause);
    else if (cause) this.#pause(cause, now);
    else if (before) {
      this.#released = { cause: before, sawLast: false };
      // Until a keyframe comes, or does not.
      if (this.#source.state !== 'live') this.#interrupt(this.#sourceCause());
    }
  }

  /** Resolves when what was pushed so far (and does not wait for ffmpeg or for a bigger batch) is on disk, and its gaps are noted. */
  async settled(): Promise<void> {
    await this.#writer.settled();
    await this.#ledger.settled();
  }

  /** Everything that was pushed reaches the disk first. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#timer?.cancel();
    for (const waiting of this.#sound.flush()) this.#remux.push(waiting);
    await this.#remux.close();
    this.#writer.write(this.#cutter.stop());
    await this.#writer.close();
    await this.#ledger.close(this.#options.clock.now());
    this.#options.onClosed?.();
  }

  #take(unit: AccessUnit & { readonly fragment: Fragment }): void {
    const now = this.#options.clock.monotonic();
    const key = unit.config.kind === 'video' && unit.key;
    if (this.#failure && !this.#failure.retried) {
      if (now < this.#failure.retryAt || !key) {
        this.counters.dropped += 1;
        return;
      }
      // Whether it succeeds is known when a batch is full: what follows belongs to the same group.
      this.#failure.retried = true;
    }
    if (this.#overflowed(key, unit.fragment.bytes.length)) {
      this.counters.dropped += 1;
      return;
    }
    const events = this.#cutter.take(unit);
    if (events.length > 0 && unit.config.kind === 'video') {
      this.#lastVideo = now;
      this.#taken += 1;
    }
    this.#writer.write(events);
  }

  /** Full: the segment ends here, and nothing is taken before the queue is half empty and a keyframe comes. */
  #overflowed(key: boolean, bytes: number): boolean {
    const queued = this.#writer.queuedBytes;
    if (this.#overflowing) {
      if (!key || queued > MAX_QUEUED_BYTES / 2) return true;
      this.#overflowing = false;
      return false;
    }
    if (queued + bytes <= MAX_QUEUED_BYTES) return false;
    this.#overflowing = true;
    this.counters.overflows += 1;
    this.#options.log.warn('the disk is too slow for this camera: frames are dropped up to the next keyframe', {
      camera: this.#options.camera.id,
    });
    this.#halt({ reason: 'disk-slow', text: 'The disk was too slow to take the recording.' });
    return true;
  }

  /** What was pushed before a hold is written; the gap begins behind it. */
  #pause(cause: Cause, now: number): void {
    this.#pausedAt = now;
    for (const waiting of this.#sound.flush()) this.#remux.push(waiting);
    this.#remux.flush(() => {
      this.#writer.write(this.#cutter.settle());
      void this.#writer.flush().then(() => {
        if (this.#held && !this.#closed) this.#interrupt(cause);
      });
    });
  }

  /** Nothing can follow on what was recorded before the hold any more. */
  #part(cause: Cause): void {
    if (this.#pausedAt === null) return;
    this.#pausedAt = null;
    this.#remux.discontinue();
    this.#writer.write(this.#cutter.stop(cause));
  }

  /** True for what comes a second time after a hold. */
  #isRecorded(unit: AccessUnit): boolean {
    const { kind } = unit.config;
    const known = unit.timeline === this.#pushed.timeline && unit.dts <= this.#pushed[kind];
    if (this.#released && known) {
      this.#released.sawLast ||= kind === 'video';
      return true;
    }
    if (this.#released) {
      if (!this.#released.sawLast || unit.timeline !== this.#pushed.timeline) this.#part(this.#released.cause);
      this.#pausedAt = null;
      this.#released = null;
    }
    if (unit.timeline !== this.#pushed.timeline) this.#pushed = { timeline: unit.timeline, video: -1, audio: -1 };
    this.#pushed[kind] = unit.dts;
    return false;
  }

  #written(from: UtcMs, to: UtcMs, cause: Cause | null): void {
    this.#failure = null;
    this.#ledger.recorded(from, to, cause?.reason === 'session-lost' ? (this.#wentAway ?? cause) : cause);
    if (cause) this.#wentAway = null;
    // It was on its way when the hold began, and took longer than ffmpeg is given to end: the gap begins behind it.
    if (this.#held) this.#interrupt(this.#held);
    this.#wanted = { from: this.#wanted?.from ?? from, to };
    const now = this.#options.clock.monotonic();
    if (now - this.#toldAt >= ADDED_MS || to - this.#wanted.from >= ADDED_MS) this.#tell(now);
    this.#changed();
  }

  #tell(now: number): void {
    const span = this.#wanted;
    this.#wanted = null;
    this.#toldAt = now;
    if (span) this.#options.onAdded?.(span);
  }

  #failed(error: CodedError, elsewhere: boolean): void {
    const cause = { reason: error.code, text: error.message };
    this.#failure = { cause, retryAt: this.#options.clock.monotonic() + (elsewhere ? 0 : RETRY_MS), retried: false };
    this.#cutter.stop(cause);
    this.#interrupt(cause);
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#watch();
      this.#arm();
    }, CHECK_MS);
  }

  /** Silence is noticed here: the source went away, stalled, or sends nothing that decoding could begin with. */
  #watch(): void {
    const now = this.#options.clock.monotonic();
    this.#ledger.retry();
    if (this.#wanted && now - this.#toldAt >= ADDED_MS) this.#tell(now);
    if (this.#held && this.#pausedAt !== null && now - this.#pausedAt >= PAUSE_MS) this.#part(this.#held);
    this.#remux.check();
    if (this.#overflowing || this.#held) return;
    const live = this.#source.state === 'live';
    const failure = this.#remux.failure;
    if (failure && now - this.#lastVideo >= SETTLE_MS) {
      if (this.recording || live) this.#interrupt(failure);
      return;
    }
    if (this.#failure) {
      // Nothing comes that could try the disk again: what keeps the recording from going on is the source now.
      if (live || now < this.#failure.retryAt + SETTLE_MS) return;
      this.#failure = null;
    }
    if (now - Math.max(this.#lastVideo, live ? this.#liveSince : 0) < (live ? HOLE_MS : SETTLE_MS)) return;
    if (this.recording) {
      this.#halt(live ? this.#stallCause(now) : this.#sourceCause());
    } else if (live) {
      this.#interrupt(this.#stallCause(now));
    } else if (!live && this.#source.state === 'offline') {
      this.#interrupt(this.#sourceCause());
    }
  }

  /** Ends the segment. The gap begins behind what is still on its way to the disk, if nothing more has come by then. */
  #halt(cause: Cause): void {
    this.#writer.write(this.#cutter.stop(cause));
    const taken = this.#taken;
    void this.#writer.settled().then(() => {
      if (taken === this.#taken && !this.#closed) this.#interrupt(cause);
    });
  }

  #stallCause(now: number): Cause {
    if (now - this.#lastPush < SETTLE_MS)
      return { reason: 'no-keyframe', text: 'The camera sends pictures, but none that a recording could begin with (a whole keyframe).' };
    return { reason: 'source-stalled', text: `The camera is connected but has sent no picture for ${HOLE_MS / 1000} s.` };
  }

  #sourceCause(): Cause {
    const { state, reason } = this.#source;
    if (reason) return { reason: reason.code, text: reason.text };
    return state === 'offline'
      ? { reason: 'session-lost', text: 'The camera was offline, and did not say why.' }
      : { reason: 'connecting', text: 'Keyhole was connecting to the camera.' };
  }

  #interrupt(cause: Cause): void {
    this.#ledger.interrupted(utcMs(Math.round(this.#options.clock.now())), cause);
    this.#changed();
  }

  #changed(): void {
    if (this.#wasRecording === this.recording) return;
    this.#wasRecording = this.recording;
    this.#options.onChanged?.();
  }
}

function hasFragment(unit: AccessUnit): unit is AccessUnit & { readonly fragment: Fragment } {
  return unit.fragment !== undefined;
}
