import type { Clock, Timer } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit, Fragment, TrackConfig } from '../media/access-unit.ts';
import { buildFragment } from '../media/fmp4/build-fragment.ts';
import { buildInit } from '../media/fmp4/build-init.ts';
import type { FfmpegBinary } from './binary.ts';
import { endOf } from './failure.ts';
import { fragmentedOutput, type OutputTracks } from './fragments.ts';
import { FragmentReader } from './fragment-reader.ts';
import { FfmpegProcess } from './process.ts';

/** A unit as ffmpeg muxed it. */
export type MuxedUnit = AccessUnit & { readonly fragment: Fragment };

export interface RemuxOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The unit that was written, the same but for its `fragment`; in the order of ffmpeg, about one frame after it was written. */
  readonly onFragment: (unit: MuxedUnit) => void;
  /** Called at most once, when ffmpeg ends without having been asked to. Begin a new RemuxProcess at the next keyframe. */
  readonly onFailure: (error: CodedError) => void;
  readonly binary?: FfmpegBinary;
}

/** Frames that may be inside ffmpeg, of video and of audio: a minute. Their bytes are the caller's to bound. */
const MAX_INSIDE = 4096;
/** Until a second frame tells. */
const FIRST_DURATION = { video: 3600, audio: 1800 };
/** Ticks of 1/90000 s that a time may be moved by the timescale of 8 kHz audio. */
const ROUNDING = 12;
const CLOSE_GRACE_MS = 3000;

/**
 * One `ffmpeg -c copy` through which the frames of a peer-to-peer camera go to become the fragments that are recorded. Times come out
 * as they went in: dts and pts in `tfdt` and `trun` are those of the unit, in the track's timescale (90 kHz for video, the sample rate
 * for audio). One video and one audio track at most; it lives as long as their configurations do.
 */
export class RemuxProcess {
  readonly #options: RemuxOptions;
  readonly #inside = { video: [] as AccessUnit[], audio: [] as AccessUnit[] };
  readonly #last = { video: { dts: -1, duration: FIRST_DURATION.video }, audio: { dts: -1, duration: FIRST_DURATION.audio } };
  #process: FfmpegProcess | null = null;
  #configs: readonly TrackConfig[] = [];
  #sequence = 0;
  #closing = false;
  #failed = false;
  /** Frames that went in and did not come out, or were refused. */
  lost = 0;

  constructor(options: RemuxOptions) {
    this.#options = options;
  }

  /** Idempotent: only the first call counts. `configs`: video, audio, or both. */
  start(configs: readonly TrackConfig[]): void {
    if (this.#process || this.#closing) return;
    const video = configs.find(({ kind }) => kind === 'video');
    const audio = configs.find(({ kind }) => kind === 'audio');
    this.#configs = [video, audio].filter((config) => config !== undefined);
    const tracks: OutputTracks = { video: video !== undefined, audio: !audio ? 'none' : audio.codec.startsWith('pcm') ? 'pcm' : 'coded' };
    const { clock, log, binary } = this.#options;
    const reader = new FragmentReader({ tracks, timeline: 0, clock, onUnit: (unit) => this.#onMuxed(unit) });
    // No `-fflags nobuffer`: with it ffmpeg drops the frames it has looked at to know the streams, the first keyframe among them.
    const options = ['-loglevel', 'warning', '-probesize', '32', '-analyzeduration', '0', '-f', 'mp4'];
    const output = ['-c', 'copy', '-copyts', ...fragmentedOutput(tracks)];
    const process = new FfmpegProcess({
      binary,
      clock,
      log,
      inputs: [{ url: 'pipe:0', options }],
      output,
      onOutput: (chunk) => this.#onOutput(reader, chunk),
    });
    this.#process = process;
    void process.exited.then((exit) => {
      if (this.#closing) return;
      const why = exit.stalled ? 'it does not keep up' : endOf(exit);
      this.#fail(exit.error ?? new CodedError('ffmpeg-failed', `ffmpeg, which writes the recording, ended: ${why}. It is started again.`));
    });
    process.start();
    process.write(buildInit(this.#configs));
  }

  /**
   * False when the unit is not taken: its config is not one of those given to `start`, its dts does not go forward,
   * or ffmpeg is gone or too far behind.
   */
  write(unit: AccessUnit): boolean {
    const track = this.#configs.indexOf(unit.config);
    const { kind } = unit.config;
    const last = this.#last[kind];
    if (!this.#process || this.#closing || this.#failed || track < 0 || unit.dts <= last.dts || this.#inside[kind].length >= MAX_INSIDE) {
      this.lost += 1;
      return false;
    }
    this.#inside[kind].push(unit);
    // The true duration is known when the next frame is there; ffmpeg sets it then by the times.
    if (last.dts >= 0) last.duration = Math.min(unit.dts - last.dts, 90_000);
    last.dts = unit.dts;
    const fragment = buildFragment({
      trackId: track + 1,
      sequenceNumber: ++this.#sequence,
      baseDecodeTime: unit.dts,
      samples: [{ data: unit.data, duration: last.duration, key: unit.key, compositionOffset: unit.pts - unit.dts }],
    });
    return this.#process.write(fragment);
  }

  /** Ends the input and resolves when every frame that is inside has come out. Idempotent. */
  async close(): Promise<void> {
    const process = this.#process;
    this.#closing = true;
    if (!process) return;
    process.end();
    const timer: Timer = this.#options.clock.setTimeout(() => void process.stop(), CLOSE_GRACE_MS);
    await process.exited;
    timer.cancel();
    this.lost += this.#inside.video.splice(0).length + this.#inside.audio.splice(0).length;
  }

  /** Ends it at once, by SIGKILL; what is inside is lost. Idempotent. */
  kill(): void {
    this.#closing = true;
    this.#failed = true;
    void this.#process?.kill();
    this.lost += this.#inside.video.splice(0).length + this.#inside.audio.splice(0).length;
  }

  #onOutput(reader: FragmentReader, chunk: Uint8Array): void {
    if (this.#failed) return;
    try {
      reader.push(chunk);
    } catch (error) {
      this.#fail(asCoded(error));
    }
  }

  /** Finds the unit that went in: ffmpeg keeps their order, and it may leave some out. */
  #onMuxed(muxed: AccessUnit): void {
    const queue = this.#inside[muxed.config.kind];
    const passed = queue.findIndex((unit) => unit.dts > muxed.dts + ROUNDING);
    const candidates = queue.splice(0, passed < 0 ? queue.length : passed);
    const unit = candidates.pop();
    this.lost += candidates.length;
    if (!unit || !muxed.fragment || unit.dts < muxed.dts - ROUNDING || unit.data.length !== muxed.data.length) {
      this.lost += unit ? 1 : 0;
      return;
    }
    this.#options.onFragment({ ...unit, fragment: muxed.fragment });
  }

  #fail(error: CodedError): void {
    if (this.#failed) return;
    this.#failed = true;
    void this.#process?.stop();
    if (!this.#closing) this.#options.onFailure(error);
  }
}
