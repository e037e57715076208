import type { Clock, Timer } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { Reason } from '../contract/model.ts';
import type { AccessUnit, AudioConfig, TrackConfig } from '../media/access-unit.ts';
import { hasOtherSps } from '../media/parameter-change.ts';
import { sourceFailure } from './failure.ts';
import { FragmentReader } from './fragment-reader.ts';
import { fragmentedOutput, type OutputTracks } from './fragments.ts';
import { PacketReader, type PacketReaderOptions } from './packet-reader.ts';
import { packetOutput } from './packets.ts';
import { FfmpegProcess, type FfmpegInput } from './process.ts';

/** Added to all times: those of B-frames begin below 0, ours must not. */
const OFFSET_SECONDS = '10';

/**
 * `fragments`: units with their fragments, as they are recorded, a frame late. `packets`: H.264 and sound without fragments, at once.
 */
export type FeedOutput =
  | { readonly kind: 'fragments'; readonly tracks: OutputTracks }
  | { readonly kind: 'packets'; readonly audio: AudioConfig | null; readonly maps?: { readonly video: string; readonly audio: string } };

/** How one run of a feed calls ffmpeg. */
export interface FeedPlan {
  readonly inputs: readonly FfmpegInput[];
  /** Output options: which codecs. */
  readonly codecs: readonly string[];
  readonly output: FeedOutput;
  /** Called when ffmpeg is started, for one that is fed by us; returns what stops that. */
  readonly feed?: (process: FfmpegProcess) => () => void;
  /** Changes a unit on its way, or drops it. */
  readonly onUnit?: (unit: AccessUnit) => AccessUnit | null;
}

export type FeedState = 'live' | 'connecting' | 'offline';

export interface FeedOptions {
  /** What people know the source by, without secrets: the start of its failures' texts. */
  readonly name: string;
  /** Looks at the source and says how to run ffmpeg; a CodedError says why not. Called before each run. */
  readonly plan: (signal: AbortSignal) => Promise<FeedPlan>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onUnit: (unit: AccessUnit) => void;
  readonly onStatus: (state: FeedState, reason: Reason | null) => void;
  /** Longest time without a picture, ms, whatever sound there is. */
  readonly stallMs?: number;
}

/** Longer than a camera holds a picture that does not change; a reader that hangs is noticed within 10 s. */
const STALL_MS = 9_500;
/** Until the first frame: cameras take their time to answer. */
const FIRST_MS = 15_000;
/** Until the first frame where there is sound already: keyframes may be that far apart. */
const FIRST_PICTURE_MS = 30_000;
/** So many frames in a row whose times do not go on are no accident. */
const STUCK_FRAMES = 10;
/** A run that lasted so long has proved itself. */
const PROVED_MS = 3000;

/**
 * Frames of one source through ffmpeg, for as long as it is wanted: a run that ends is followed by another, after a delay
 * that grows to 30 s. Each run is a timeline of its own.
 */
export class FfmpegFeed {
  readonly #options: FeedOptions;
  readonly #backoff = new Backoff({ capMs: 30_000 });
  readonly #stop = new AbortController();
  #timeline = 0;
  /** The last timeline that showed a picture. */
  #liveTimeline = 0;
  #formatChanged = false;
  /** The last video frame's, and how many in a row did not go on from it. */
  #lastDts = -Infinity;
  #stuckTimes = 0;
  #running: Promise<void> | null = null;
  #configs: readonly TrackConfig[] = [];
  #wake: (() => void) | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Of the present or the last run. */
  get configs(): readonly TrackConfig[] {
    return this.#configs;
  }

  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run();
  }

  /** Ends the wait for the next run, if it waits. */
  retryNow(): void {
    this.#backoff.reset();
    this.#wake?.();
  }

  /** After it resolves nothing is emitted any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { log, onStatus, plan } = this.#options;
    onStatus('connecting', null);
    while (!signal.aborted) {
      const failure = await this.#once(plan).catch(asCoded);
      if (signal.aborted) break;
      onStatus('offline', { code: failure.code, text: failure.message });
      const changed = failure.code === 'format-changed' && this.#backoff.attempt === 0;
      const delay = changed ? 0 : this.#backoff.next();
      log.warn(failure.message, { code: failure.code, retryInMs: Math.round(delay) });
      await this.#pause(delay);
    }
  }

  /** One run, from the first look to the end; resolves with why it ended. */
  async #once(makePlan: FeedOptions['plan']): Promise<CodedError> {
    const { signal } = this.#stop;
    const { clock, log, name } = this.#options;
    const plan = await makePlan(signal);
    if (signal.aborted) return new CodedError('closed', 'The source was closed.');
    const startedAt = clock.monotonic();
    let broken: CodedError | null = null;
    this.#formatChanged = false;
    this.#lastDts = -Infinity;
    this.#stuckTimes = 0;
    const reading = { timeline: ++this.#timeline, clock, onUnit: (unit: AccessUnit) => onUnit(unit) };
    const { reader, output } = outputOf(plan.output, reading);
    const process = new FfmpegProcess({
      inputs: plan.inputs,
      output: [...plan.codecs, '-output_ts_offset', OFFSET_SECONDS, ...output],
      clock,
      log,
      onOutput: (chunk) => {
        if (broken || signal.aborted) return;
        try {
          reader.push(chunk);
          if (this.#stuckTimes >= STUCK_FRAMES) throw new CodedError('clock-set', `${name} set its own clock back: it is opened anew.`);
          if (this.#formatChanged) throw new CodedError('format-changed', `${name} changed its picture format: it is opened anew.`);
          if (reader.configs.length > 0) this.#configs = reader.configs;
        } catch (error) {
          broken = asCoded(error);
          void process.stop();
        }
      },
      stallMs: this.#options.stallMs ?? STALL_MS,
      firstMs: this.#options.stallMs ?? FIRST_MS,
      firstBeatMs: this.#options.stallMs ?? FIRST_PICTURE_MS,
      signal,
    });
    const onUnit = (unit: AccessUnit) => {
      if (unit.config.kind === 'video') process.beat();
      this.#onUnit(unit, plan, startedAt);
    };
    process.start();
    const unfeed = plan.feed?.(process);
    const exit = await process.exited;
    unfeed?.();
    return broken ?? sourceFailure(exit, name);
  }

  #onUnit(unit: AccessUnit, plan: FeedPlan, startedAt: number): void {
    if (this.#stop.signal.aborted) return;
    this.#formatChanged ||= hasOtherSps(unit);
    if (this.#formatChanged || this.#isStuck(unit)) return;
    const changed = plan.onUnit ? plan.onUnit(unit) : unit;
    if (!changed) return;
    if (this.#liveTimeline !== unit.timeline && unit.config.kind === 'video') {
      this.#liveTimeline = unit.timeline;
      this.#options.onStatus('live', null);
    }
    if (this.#options.clock.monotonic() - startedAt > PROVED_MS) this.#backoff.reset();
    this.#options.onUnit(changed);
  }

  /** A muxer's times never go back: after those of the camera did, each frame comes a tick behind the one before. */
  #isStuck(unit: AccessUnit): boolean {
    if (unit.config.kind !== 'video') return false;
    this.#stuckTimes = unit.dts - this.#lastDts <= 1 ? this.#stuckTimes + 1 : 0;
    this.#lastDts = unit.dts;
    return this.#stuckTimes >= STUCK_FRAMES;
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer: Timer = this.#options.clock.setTimeout(done, ms);
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}

type Reading = Omit<PacketReaderOptions, 'audio'>;

function outputOf(output: FeedOutput, reading: Reading): { reader: FragmentReader | PacketReader; output: string[] } {
  if (output.kind === 'fragments') {
    return { reader: new FragmentReader({ ...reading, tracks: output.tracks }), output: fragmentedOutput(output.tracks) };
  }
  const { video, audio } = output.maps ?? { video: '0:v:0', audio: '0:a:0' };
  return { reader: new PacketReader({ ...reading, audio: output.audio }), output: packetOutput({ video, audio: output.audio && audio }) };
}
