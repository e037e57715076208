import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { AccessUnit, Fragment, TrackConfig } from '../media/access-unit.ts';
import type { Cause } from './segment-cutter.ts';

export type FragmentUnit = AccessUnit & { readonly fragment: Fragment };

/** What is needed of electron/ffmpeg's RemuxProcess: one `ffmpeg -c copy` that turns units into fragments. */
export interface Remuxer {
  /** False when the unit was not taken: too much waits, or its time does not go forward. `unit.config` is one of those it was started with. */
  write(unit: AccessUnit): boolean;
  /** Ends the input; resolves when the last fragment has come out, or after its deadline. Idempotent. */
  close(): Promise<void>;
}

/** Starts one for these tracks (video first). `onFailed` is called at most once, after which nothing comes any more. */
export type RemuxFactory = (options: {
  readonly configs: readonly TrackConfig[];
  readonly onFragment: (unit: FragmentUnit) => void;
  readonly onFailed: (error: Error) => void;
}) => Remuxer;

/** Units that wait while one process ends and the next begins. */
const MAX_HELD = 2_000;

export interface RemuxFeedOptions {
  readonly create: RemuxFactory;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFragment: (unit: FragmentUnit) => void;
  readonly onFailed: (cause: Cause) => void;
}

interface Running {
  readonly process: Remuxer;
  readonly video: TrackConfig;
  readonly audio: TrackConfig | null;
  readonly timeline: number;
  failed: boolean;
}

/** Keeps the camera's ffmpeg running with the right tracks: begins at a keyframe, begins anew when the stream changes or ffmpeg fails. */
export class RemuxFeed {
  readonly counters = { restarts: 0, dropped: 0 };
  readonly #options: RemuxFeedOptions;
  readonly #backoff = new Backoff();
  #running: Running | null = null;
  #audio: TrackConfig | null = null;
  #waitForKey = true;
  #retryAt = 0;
  /** Units that came while the last process was still giving out its fragments; null when none is. */
  #held: AccessUnit[] | null = null;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: RemuxFeedOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#running !== null;
  }

  /** Never blocks. */
  push(unit: AccessUnit): void {
    if (!this.#held) return this.#feed(unit);
    if (this.#held.length < MAX_HELD) this.#held.push(unit);
    else this.#drop();
  }

  /** The process is of no use any more: the next keyframe after a pause begins with another one. */
  fail(cause: Cause): void {
    const running = this.#running;
    if (!running || running.failed) return;
    running.failed = true;
    this.counters.restarts += 1;
    this.#running = null;
    this.#drop();
    this.#retryAt = this.#options.clock.monotonic() + this.#backoff.next();
    this.#closing = this.#closing.then(() => running.process.close());
    this.#options.onFailed(cause);
  }

  /** Resolves when everything pushed has come out. */
  async close(): Promise<void> {
    for (;;) {
      const closing = this.#closing;
      await closing;
      if (closing === this.#closing) break;
    }
    await this.#running?.process.close();
    this.#running = null;
  }

  #feed(unit: AccessUnit): void {
    const video = unit.config.kind === 'video';
    if (!video) this.#audio = unit.config;
    const running = this.#running;
    if (running && this.#differs(running, unit)) return this.#replace(running, unit);
    if (!running && !this.#start(unit)) {
      this.counters.dropped += 1;
      return;
    }
    if (this.#waitForKey && video && unit.key) this.#waitForKey = false;
    if (this.#waitForKey || (!video && !this.#running?.audio)) {
      this.counters.dropped += 1;
      return;
    }
    const config = video ? this.#running?.video : this.#running?.audio;
    const taken = config && this.#running?.process.write(config === unit.config ? unit : { ...unit, config });
    if (taken) return;
    if (video) this.#drop();
    else this.counters.dropped += 1;
  }

  #start(unit: AccessUnit): boolean {
    if (unit.config.kind !== 'video' || !unit.key || this.#options.clock.monotonic() < this.#retryAt) return false;
    const video = unit.config;
    const audio = this.#audio;
    const running = (failed: boolean, process: Remuxer): Running => ({ process, video, audio, timeline: unit.timeline, failed });
    try {
      const process: Remuxer = this.#options.create({
        configs: audio ? [video, audio] : [video],
        onFragment: (fragment) => {
          this.#backoff.reset();
          this.#options.onFragment(fragment);
        },
        onFailed: (error) => {
          this.#options.log.warn('ffmpeg failed', { error: error.message });
          if (this.#running?.process === process)
            this.fail({ reason: 'ffmpeg-failed', text: `ffmpeg could not take the recording: ${error.message}` });
        },
      });
      this.#running = running(false, process);
      return true;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#retryAt = this.#options.clock.monotonic() + this.#backoff.next();
      this.#options.onFailed({ reason: 'ffmpeg-failed', text: `ffmpeg could not be started: ${text}` });
      return false;
    }
  }

  /** The tracks of a file cannot change under way; sound that begins later waits for a keyframe. */
  #differs(running: Running, unit: AccessUnit): boolean {
    if (unit.timeline !== running.timeline) return true;
    if (unit.config.kind === 'audio') return running.audio !== null && !sameConfig(running.audio, unit.config);
    return !sameConfig(running.video, unit.config) || (unit.key && this.#audio !== null && running.audio === null);
  }

  #replace(running: Running, unit: AccessUnit): void {
    running.failed = true;
    this.#running = null;
    this.#waitForKey = true;
    if (unit.timeline !== running.timeline && unit.config.kind === 'video') this.#audio = null;
    const held: AccessUnit[] = [unit];
    this.#held = held;
    this.#closing = this.#closing
      .then(() => running.process.close())
      .catch(() => {})
      .then(() => {
        this.#held = null;
        for (const waiting of held) this.push(waiting);
      });
  }

  /** A frame is missing now: what depends on it is of no use. */
  #drop(): void {
    this.counters.dropped += 1;
    this.#waitForKey = true;
  }
}

function sameConfig(a: TrackConfig, b: TrackConfig): boolean {
  if (a === b) return true;
  if (a.kind === 'video' && b.kind === 'video' && (a.width !== b.width || a.height !== b.height)) return false;
  if (a.kind === 'audio' && b.kind === 'audio' && (a.sampleRate !== b.sampleRate || a.channels !== b.channels)) return false;
  return a.kind === b.kind && a.codec === b.codec && Buffer.compare(a.description, b.description) === 0;
}
