import type { Clock } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit, VideoConfig } from '../media/access-unit.ts';
import { buildFragment } from '../media/fmp4/build-fragment.ts';
import { buildInit } from '../media/fmp4/build-init.ts';
import { ffmpegBinary, type FfmpegBinary } from './binary.ts';
import { GrayReader, type GrayPicture } from './gray-reader.ts';
import { FfmpegProcess } from './process.ts';

/** Encoded frames waiting for a slow decoder, bytes. Beyond it they are dropped up to the next keyframe, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** libavformat of ffmpeg 6, the first that surely knows `-fps_mode`. */
const HAS_FPS_MODE = 60;
/** The same frame rate for ever is not promised, nor any: frames of this length until the next one tells. */
const FRAME_TICKS = 3600;

export interface GrayDecoderOptions {
  readonly config: VideoConfig;
  /** Of the pictures that come out, whatever the camera's are. */
  readonly width: number;
  readonly height: number;
  /** At most one picture in so many milliseconds of media time; 0: each frame that goes in. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPicture: (picture: GrayPicture) => void;
  /** Called at most once: it ended without having been asked to. */
  readonly onFailure: (error: CodedError) => void;
  /** The one found on this machine when left out. */
  readonly binary?: FfmpegBinary;
}

/** Small gray pictures of one camera, by one ffmpeg with one thread. Frames of one configuration and timeline go in, from a keyframe on. */
export class GrayDecoder {
  readonly counters = { written: 0, dropped: 0, pictures: 0 };
  readonly #options: GrayDecoderOptions;
  #process: FfmpegProcess | null = null;
  /** What was written before it was known which ffmpeg there is. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #waitForKey = true;
  #closed = false;
  #failed = false;
  #sequence = 0;

  constructor(options: GrayDecoderOptions) {
    this.#options = options;
    const binary = options.binary ? Promise.resolve(options.binary) : ffmpegBinary();
    binary.then(
      (found) => this.#run(found),
      (error: unknown) => this.#fail(asCoded(error)),
    );
  }

  /** False when the frame was not taken: it waits for a keyframe, the decoder is behind, or has ended. */
  write(unit: AccessUnit): boolean {
    if (unit.key) this.#waitForKey = false;
    if (this.#waiting + unit.data.length > MAX_WAITING_BYTES || this.#failed || this.#closed) this.#waitForKey = true;
    if (this.#waitForKey) {
      this.counters.dropped += 1;
      return false;
    }
    this.counters.written += 1;
    const fragment = buildFragment({
      trackId: 1,
      sequenceNumber: ++this.#sequence,
      baseDecodeTime: unit.dts,
      samples: [{ data: unit.data, duration: FRAME_TICKS, key: unit.key, compositionOffset: unit.pts - unit.dts }],
    });
    if (this.#process) return this.#process.write(fragment);
    this.#early.push(fragment);
    this.#earlyBytes += fragment.length;
    return true;
  }

  get #waiting(): number {
    return this.#process?.pendingInput ?? this.#earlyBytes;
  }

  /** Whatever it is doing, also when it does nothing any more. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#process?.end();
    await this.#process?.stop();
  }

  #run(binary: FfmpegBinary): void {
    if (this.#closed) return;
    const { config, width, height, everyMs, clock, log, onPicture } = this.#options;
    const reader = new GrayReader({
      bytes: width * height,
      onPicture: (picture) => {
        this.counters.pictures += 1;
        if (!this.#closed) onPicture(picture);
      },
    });
    const process = new FfmpegProcess({
      binary,
      clock,
      log,
      inputs: [{ url: 'pipe:0', options: inputOptions(everyMs) }],
      output: ['-map', '0:v:0', '-an', '-vf', filters(width, height, everyMs), ...timing(binary), ...PICTURES],
      onOutput: (chunk) => {
        try {
          if (!this.#failed) reader.push(chunk);
        } catch (error) {
          this.#fail(asCoded(error));
        }
      },
      graceMs: 500,
    });
    this.#process = process;
    void process.exited.then(({ lines, error, asked }) => {
      if (!asked) this.#fail(error ?? new CodedError('ffmpeg-failed', `ffmpeg ended: ${lines.at(-1) ?? 'it said nothing'}.`));
    });
    process.start();
    for (const bytes of [buildInit([config]), ...this.#early.splice(0)]) process.write(bytes);
  }

  #fail(error: CodedError): void {
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    void this.#process?.stop();
    this.#options.onFailure(error);
  }
}

/** `low_delay`: a frame comes out as soon as it is decoded, B-frames in the order in which they were coded, which harms no one here. */
function inputOptions(everyMs: number): string[] {
  const decoder = ['-threads', '1', '-flags', 'low_delay', ...(everyMs > 0 ? ['-skip_frame', 'noref'] : [])];
  return ['-loglevel', 'error', '-probesize', '32', '-analyzeduration', '0', ...decoder, '-f', 'mp4'];
}

function filters(width: number, height: number, everyMs: number): string {
  // A frame that is a little early counts.
  const chosen = everyMs > 0 ? `select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,${(everyMs * 0.95) / 1000}),` : '';
  return `${chosen}scale=${width}:${height}:flags=area,format=gray`;
}

const timing = ({ libavformat }: FfmpegBinary): string[] => [
  ...(libavformat >= HAS_FPS_MODE ? ['-fps_mode', 'passthrough'] : ['-vsync', '0']),
  '-copyts',
  '-enc_time_base',
  '1:1000',
];

/** A line with its time and size before each picture; see packets.ts. One thread: with more the encoder keeps pictures back until others come. */
const PICTURES = ['-c:v', 'rawvideo', '-threads', '1', '-f', 'tee', '[f=framecrc:flush_packets=1]pipe:1|[f=data:flush_packets=1]pipe:1'];
