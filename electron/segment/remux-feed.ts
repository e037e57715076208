import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { AccessUnit, Fragment, TrackConfig } from '../media/access-unit.ts';
import { KeptGroup } from './kept-group.ts';
import type { Cause } from './segment-cutter.ts';

export type FragmentUnit = AccessUnit & { readonly fragment: Fragment };

/** What is needed of electron/ffmpeg's RemuxProcess: one `ffmpeg -c copy` that turns units into fragments. */
export interface Remuxer {
  /** False when the unit was not taken: too much waits, or its time does not go forward. `unit.config` is one of those it was started with. */
  write(unit: AccessUnit): boolean;
  /** Ends the input; resolves when the last fragment has come out, or after its deadline. Idempotent. */
  close(): Promise<void>;
  /** Ends it at once, also one that heeds nothing. */
  kill(): void;
}

/** Starts one for these tracks (video first). `onFailed` is called at most once, after which nothing comes any more. */
export type RemuxFactory = (options: {
  readonly configs: readonly TrackConfig[];
  readonly onFragment: (unit: FragmentUnit) => void;
  readonly onFailed: (error: Error) => void;
}) => Remuxer;

/** Units that wait while one process ends and the next begins. */
const MAX_HELD = 2_000;
/** A picture comes out when the next one is there. One that does not for so long, milliseconds, is in an ffmpeg that hangs. */
const STUCK_MS = 8_500;
/** One that worked so long before it failed, milliseconds, is followed by another at once. */
const PROVED_MS = 10_000;
/** One that fails again and again is tried at least so often, milliseconds: what comes meanwhile is not recorded. */
const RESTART_MS = 2_000;
/** So often the same units are given to another ffmpeg: it may be they that it fails of. */
const MAX_TRIES = 3;

export interface RemuxFeedOptions {
  readonly create: RemuxFactory;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFragment: (unit: FragmentUnit) => void;
  /** Units are lost for this cause; what comes next begins with a keyframe. */
  readonly onLost: (cause: Cause) => void;
}

interface Running {
  readonly process: Remuxer;
  readonly video: TrackConfig;
  readonly audio: TrackConfig | null;
  readonly timeline: number;
  readonly kept: KeptGroup;
  readonly startedAt: number;
  /** Nothing it gives out is of use any more. */
  dead: boolean;
  /** Pictures that went in and did not come out, and since when one is overdue, monotonic; null when none is. */
  inside: number;
  overdueSince: number | null;
  progressed: boolean;
}

/**
 * Keeps the camera's ffmpeg running with the right tracks: begins at a keyframe, begins anew when the stream changes. One that fails or hangs
 * is replaced by another, which is given the same pictures again: nothing is lost, unless that goes wrong too.
 */
export class RemuxFeed {
  readonly counters = { restarts: 0, dropped: 0 };
  readonly #options: RemuxFeedOptions;
  readonly #backoff = new Backoff({ capMs: RESTART_MS });
  #kept = new KeptGroup();
  #running: Running | null = null;
  #audio: TrackConfig | null = null;
  #waitForKey = true;
  #last = { video: -1, audio: -1 };
  #timeline = -1;
  #failure: Cause | null = null;
  #tries = 0;
  #retryAt = 0;
  /** Units that came while the last process was still giving out its fragments; null when none is. */
  #held: AccessUnit[] | null = null;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: RemuxFeedOptions) {
    this.#options = options;
  }

  /** Why nothing comes out though something waits to; null when all is well. */
  get failure(): Cause | null {
    return this.#failure;
  }

  /** Never blocks. */
  push(unit: AccessUnit): void {
    if (unit.config.kind === 'video') this.check();
    if (!this.#held) return this.#feed(unit);
    if (this.#held.length < MAX_HELD) this.#held.push(unit);
    else this.#drop();
  }

  /** Notices an ffmpeg that hangs, and starts the next one when it is time. Each picture asks; to be called now and then where none may come. */
  check(): void {
    const now = this.#options.clock.monotonic();
    const overdueSince = this.#running?.overdueSince ?? null;
    if (overdueSince !== null && now - overdueSince >= STUCK_MS) {
      const text = `ffmpeg, which writes the recording, gave nothing back for ${Math.round(STUCK_MS / 1000)} s: it was killed and started anew.`;
      this.#fail({ reason: 'ffmpeg-failed', text });
    } else if (!this.#running && !this.#held && this.#kept.waiting) this.#start();
  }

  /** Runs `then` when everything pushed so far has come out, at once when it has. What is pushed next goes on behind it, in another process. */
  flush(then: () => void): void {
    if (this.#running || this.#held) this.#end([], () => (this.#running ? this.flush(then) : then()));
    else then();
  }

  /** What is pushed next does not follow on what was pushed before: it begins with a keyframe. */
  discontinue(): void {
    this.#kept.clear();
    this.#waitForKey = true;
  }

  /** Resolves when everything pushed has come out. */
  async close(): Promise<void> {
    for (;;) {
      const closing = this.#closing;
      await closing;
      if (closing === this.#closing) break;
    }
    if (!this.#running && this.#kept.waiting) {
      this.#retryAt = 0;
      this.#start();
    }
    await this.#running?.process.close();
    this.#running = null;
  }

  #feed(unit: AccessUnit): void {
    const { kind } = unit.config;
    const video = kind === 'video';
    if (!video) this.#audio = unit.config;
    const running = this.#running;
    if (running && this.#differs(running, unit)) {
      if (unit.timeline !== running.timeline && video) this.#audio = null;
      this.#anew();
      this.#end([unit]);
      return;
    }
    const begins = video && unit.key && (this.#waitForKey || unit.timeline !== this.#timeline);
    if (begins && !running) this.#anew();
    const silent = !video && running && !sameConfig(running.audio, unit.config);
    if ((this.#waitForKey && !begins) || silent) {
      this.counters.dropped += 1;
      return;
    }
    // A time that does not go forward: without this picture the next ones are of no use.
    if (unit.dts <= this.#last[kind]) {
      if (video) this.#drop();
      else this.counters.dropped += 1;
      return;
    }
    this.#waitForKey = false;
    this.#timeline = unit.timeline;
    this.#last[kind] = unit.dts;
    if (begins) this.#kept.clear();
    const kept = this.#kept.add(unit);
    if (running) this.#give(running, unit);
    else if (!kept) this.#lose();
    else this.#start();
  }

  #anew(): void {
    this.#kept = new KeptGroup();
    this.#last = { video: -1, audio: -1 };
    this.#waitForKey = true;
  }

  /** Starts a process for what is kept, if it is time, and gives it all of that. */
  #start(): void {
    const kept = this.#kept;
    const first = kept.units.find(({ config }) => config.kind === 'video');
    const now = this.#options.clock.monotonic();
    if (!first || now < this.#retryAt) return;
    const video = first.config;
    const audio = this.#audio;
    let running: Running | null = null;
    try {
      const process: Remuxer = this.#options.create({
        configs: audio ? [video, audio] : [video],
        onFragment: (fragment) => running && this.#cameOut(running, fragment),
        onFailed: (error) => {
          if (running && this.#running === running) this.#fail({ reason: 'ffmpeg-failed', text: error.message });
        },
      });
      const { timeline } = first;
      running = { process, video, audio, timeline, kept, startedAt: now, dead: false, inside: 0, overdueSince: null, progressed: false };
      this.#running = running;
      for (const unit of [...kept.units]) if (this.#running === running) this.#give(running, unit);
    } catch (error) {
      const text = `ffmpeg could not be started: ${error instanceof Error ? error.message : String(error)}`;
      this.#failed({ reason: 'ffmpeg-failed', text }, false);
    }
  }

  #give(running: Running, unit: AccessUnit): void {
    const video = unit.config.kind === 'video';
    const config = video ? running.video : running.audio;
    const taken = config !== null && running.process.write(config === unit.config ? unit : { ...unit, config });
    if (taken && video) {
      running.inside += 1;
      if (isOverdue(running)) running.overdueSince ??= this.#options.clock.monotonic();
    } else if (!taken && video && this.#running === running) this.#refused();
    else if (!taken) this.counters.dropped += 1;
  }

  /** The process takes no more: what is inside comes out first. */
  #refused(): void {
    this.#failure = {
      reason: 'ffmpeg-failed',
      text: 'ffmpeg, which writes the recording, did not take the pictures as fast as they came.',
    };
    this.#drop();
    const cause = this.#failure;
    this.#end([], () => this.#options.onLost(cause));
  }

  #cameOut(running: Running, unit: FragmentUnit): void {
    if (running.dead) return;
    if (unit.config.kind === 'video') {
      running.inside -= 1;
      running.overdueSince = isOverdue(running) ? this.#options.clock.monotonic() : null;
    }
    if (!running.kept.cameOut(unit)) return;
    running.progressed = true;
    this.#failure = null;
    this.#tries = 0;
    this.#options.onFragment(unit);
  }

  #fail(cause: Cause): void {
    const running = this.#running;
    if (!running) return;
    running.dead = true;
    running.process.kill();
    this.#running = null;
    const proved = running.progressed && this.#options.clock.monotonic() - running.startedAt >= PROVED_MS;
    if (proved) this.#backoff.reset();
    this.#failed(cause, proved);
  }

  #failed(cause: Cause, atOnce: boolean): void {
    this.#options.log.warn('ffmpeg failed', { error: cause.text });
    this.counters.restarts += 1;
    this.#tries += 1;
    this.#failure = cause;
    this.#retryAt = this.#options.clock.monotonic() + (atOnce ? 0 : this.#backoff.next());
    if (this.#tries >= MAX_TRIES || this.#kept.units.length === 0) this.#lose();
    else if (atOnce) this.#start();
  }

  /** What was to be given to the next process is given up. */
  #lose(): void {
    const cause = this.#failure;
    this.#tries = 0;
    this.#drop();
    if (cause) this.#options.onLost(cause);
  }

  /** The tracks of a file cannot change under way, nor do its times go back; other sound waits for a keyframe. */
  #differs(running: Running, unit: AccessUnit): boolean {
    if (unit.timeline !== running.timeline) return true;
    if (unit.config.kind === 'audio') return false;
    if (!sameConfig(running.video, unit.config)) return true;
    return unit.key && ((this.#audio !== null && !sameConfig(running.audio, this.#audio)) || unit.dts <= this.#last.video);
  }

  /** The process gives out what it holds; then the units that came meanwhile have their turn. */
  #end(first: AccessUnit[], then?: () => void): void {
    const running = this.#running;
    this.#running = null;
    const held = (this.#held ??= first);
    this.#closing = this.#closing
      .then(() => running?.process.close())
      .catch(() => {})
      .then(() => {
        then?.();
        if (this.#held !== held) return;
        this.#held = null;
        for (const waiting of held) this.push(waiting);
      });
  }

  /** A frame is missing now: what depends on it is of no use. */
  #drop(): void {
    this.counters.dropped += 1;
    this.#kept.clear();
    this.#waitForKey = true;
  }
}

/** Beside sound a picture may wait for that as well. */
const isOverdue = ({ inside, audio }: Running) => inside > (audio ? 2 : 1);

function sameConfig(a: TrackConfig | null, b: TrackConfig): boolean {
  if (a === b) return true;
  if (a === null) return false;
  if (a.kind === 'video' && b.kind === 'video' && (a.width !== b.width || a.height !== b.height)) return false;
  if (a.kind === 'audio' && b.kind === 'audio' && (a.sampleRate !== b.sampleRate || a.channels !== b.channels)) return false;
  return a.kind === b.kind && a.codec === b.codec && Buffer.compare(a.description, b.description) === 0;
}
