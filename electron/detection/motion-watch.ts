import type { Clock, Timer } from '../base/clock.ts';
import type { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { GrayDecoder } from '../ffmpeg/gray-decoder.ts';
import type { GrayPicture } from '../ffmpeg/gray-reader.ts';
import type { AccessUnit, VideoConfig } from '../media/access-unit.ts';
import { PICTURE } from './blocks.ts';
import { DecodePlan } from './decode-plan.ts';
import { DetectorHealth, type DetectorState } from './detector-health.ts';
import { MotionEvents, type MotionEvent } from './motion-events.ts';
import { MotionPicture } from './motion-picture.ts';

/** Motion, at the wall clock of the pictures in which it was seen. */
export type MotionNews =
  { readonly kind: 'start'; readonly at: UtcMs } | { readonly kind: 'end'; readonly at: UtcMs; readonly area: number };

export interface MotionWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** 1..100, as it is now. */
  readonly sensitivity: () => number;
  readonly onMotion: (news: MotionNews) => void;
  readonly onState: (state: DetectorState) => void;
}

const CHECK_MS = 1_000;
/** Five pictures a second are enough for all that moves. */
const EVERY_MS = 200;

/**
 * Looks for motion in one camera's video: decodes as little of it as will do, and says at any time whether it can be relied on. A decoder that
 * fails, hangs or cannot keep up is said to be `unhealthy` and replaced; it is trusted again when it has worked for a while.
 */
export class MotionWatch {
  readonly counters = { pictures: 0, dropped: 0, decoders: 0 };
  readonly #options: MotionWatchOptions;
  readonly #plan = new DecodePlan();
  readonly #health: DetectorHealth;
  readonly #backoff = new Backoff({ firstMs: 1_000 });
  #events = new MotionEvents();
  #picture = new MotionPicture();
  #decoder: { readonly process: GrayDecoder; readonly config: VideoConfig; readonly timeline: number } | null = null;
  /** No new decoder before this, monotonic. */
  #retryAt = -Infinity;
  /** The wall clock of a frame that went in lately. */
  #reference: { readonly pts: number; readonly utc: number } | null = null;
  #lookedAt: UtcMs | null = null;
  #closing: Promise<unknown> = Promise.resolve();
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: MotionWatchOptions) {
    this.#options = options;
    this.#health = new DetectorHealth(options.clock, options.onState);
    this.#arm();
  }

  get state(): DetectorState {
    return this.#health.state;
  }

  /** Of the newest picture that was looked at; null before the first. */
  get lookedAt(): UtcMs | null {
    return this.#lookedAt;
  }

  /** One frame of the camera, while it is live. Never blocks. */
  push(unit: AccessUnit): void {
    if (this.#closed || unit.config.kind !== 'video') return;
    this.#health.offered();
    const wanted = this.#plan.wants(unit);
    const { config, timeline, key } = unit;
    const current = this.#decoder;
    if (key && (!current || current.timeline !== timeline || !sameConfig(current.config, config))) this.#begin(config, timeline);
    const decoder = this.#decoder;
    if (!wanted || decoder?.timeline !== timeline) return;
    this.#reference = { pts: unit.pts, utc: unit.utc };
    const taken = decoder.process.write(unit);
    this.#health.wanted(taken);
    if (!taken) this.counters.dropped += 1;
  }

  /** The camera is away: what moved ended with it, and nothing need be decoded. */
  interrupted(): void {
    this.#end();
    this.#health.interrupted();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#end();
      this.#timer?.cancel();
    }
    this.#closed = true;
    await this.#closing;
  }

  #begin(config: VideoConfig, timeline: number): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() < this.#retryAt) return;
    this.#end();
    this.#picture = new MotionPicture();
    this.counters.decoders += 1;
    const process: GrayDecoder = new GrayDecoder({
      config,
      ...PICTURE,
      everyMs: EVERY_MS,
      clock,
      log,
      onPicture: (picture) => {
        if (this.#decoder?.process === process) this.#look(picture);
      },
      onFailure: (error) => {
        if (this.#decoder?.process === process) this.#failed(error);
      },
    });
    this.#decoder = { process, config, timeline };
  }

  #look({ pts, pixels }: GrayPicture): void {
    this.counters.pictures += 1;
    const at = pts / 90;
    this.#health.picture(this.#reference ? this.#reference.pts / 90 - at : 0);
    this.#lookedAt = this.#wallClock(at);
    const event = this.#events.take(this.#picture.look(pixels, at, this.#options.sensitivity()), at);
    if (event) this.#tell(event);
  }

  #tell(event: MotionEvent): void {
    const at = this.#wallClock(event.at);
    this.#options.onMotion(event.kind === 'start' ? { kind: 'start', at } : { kind: 'end', at, area: event.area });
  }

  #wallClock(mediaMs: number): UtcMs {
    const { pts, utc } = this.#reference ?? { pts: 0, utc: this.#options.clock.now() };
    return utcMs(Math.round(utc + mediaMs - pts / 90));
  }

  #failed(error: CodedError): void {
    this.#options.log.warn('the motion detector’s decoder failed', { why: error.message });
    this.#retryAt = this.#options.clock.monotonic() + this.#backoff.next();
    this.#end();
    this.#health.failed(`Its decoder failed: ${error.message}`);
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      // Without a decoder it waits for a keyframe, or for its turn: to put that off each time would be for ever.
      if (this.#health.check() === 'stalled' && this.#decoder) {
        this.#options.log.warn('the motion detector’s decoder gives nothing back and is replaced');
        this.#retryAt = this.#options.clock.monotonic() + this.#backoff.next();
        this.#end();
      }
      if (this.#health.state.state === 'watching') this.#backoff.reset();
      this.#arm();
    }, CHECK_MS);
  }

  /** What moves is over as far as we know, and the decoder with it. */
  #end(): void {
    const event = this.#events.stop();
    if (event) this.#tell(event);
    this.#events = new MotionEvents();
    const old = this.#decoder?.process;
    this.#decoder = null;
    if (old) this.#closing = this.#closing.then(() => old.close());
  }
}

function sameConfig(a: VideoConfig, b: VideoConfig): boolean {
  return (
    a === b || (a.codec === b.codec && a.width === b.width && a.height === b.height && Buffer.compare(a.description, b.description) === 0)
  );
}
