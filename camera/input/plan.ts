import type { Clock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import type { FeedPlan } from '../../electron/ffmpeg/feed.ts';
import type { FfmpegInput } from '../../electron/ffmpeg/process.ts';
import type { MediaInfo } from '../../electron/ffmpeg/probe.ts';
import { opusConfig } from '../../electron/media/opus/dops.ts';

export interface InputContext {
  readonly clock: Clock;
  readonly log: Log;
}

export interface InputPlan {
  /** What people know the source by; begins a sentence. */
  readonly name: string;
  readonly plan: (signal: AbortSignal) => Promise<FeedPlan>;
}

/** Seconds between keyframes where we encode: a viewer waits so long at most. */
const KEYFRAME_SECONDS = 2;

/** H.264 that any viewer decodes, without delay: no B-frames, no look-ahead. `bitrate` in bits a second. */
export function h264Encoder(options: { fps: number; width: number; height: number; bitrate?: number }): string[] {
  const { fps, width, height } = options;
  const bitrate = Math.round(options.bitrate ?? Math.max(250_000, width * height * Math.min(fps, 30) * 0.12));
  const threads = width * height > 640 * 480 ? 2 : 1;
  return [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-bf', '0'],
    ...['-g', String(Math.max(1, Math.round(fps * KEYFRAME_SECONDS))), '-sc_threshold', '0', '-threads', String(threads)],
    ...['-b:v', String(bitrate), '-maxrate', String(bitrate * 2), '-bufsize', String(bitrate)],
  ];
}

export const OPUS_ENCODER = [
  '-c:a',
  'libopus',
  '-ar',
  '48000',
  '-ac',
  '1',
  '-b:a',
  '32k',
  '-frame_duration',
  '20',
  '-application',
  'lowdelay',
];

/** A run that copies H.264 and Opus, and encodes everything else to them. */
export function copyOrEncode(input: FfmpegInput, media: MediaInfo): FeedPlan {
  const { video, audio } = media;
  if (!video) throw new CodedError('source-no-video', 'There is no video.');
  const copied = video.codec === 'h264';
  const encoder = h264Encoder({ fps: video.fps ?? 25, width: video.width, height: video.height });
  return {
    inputs: [input],
    codecs: [...(copied ? ['-c:v', 'copy'] : encoder), ...(!audio ? ['-an'] : audio.codec === 'opus' ? ['-c:a', 'copy'] : OPUS_ENCODER)],
    output: { kind: 'packets', audio: audio ? opusConfig(audio.codec === 'opus' && audio.channels === 2 ? 2 : 1) : null },
  };
}
