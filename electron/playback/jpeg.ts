import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog, type Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId } from '../contract/model.ts';
import { FfmpegProcess } from '../ffmpeg/process.ts';
import type { Footage } from './footage.ts';
import { keyframeAt, videoFrames } from './gop.ts';
import type { SegmentReader } from './segment-reader.ts';

/** A decoder that takes longer is stopped, milliseconds. */
const DEADLINE_MS = 10_000;
const MAX_JPEG_BYTES = 32 * 1024 * 1024;

export interface JpegOptions {
  readonly footage: Footage;
  readonly reader: SegmentReader;
  readonly clock: Clock;
  readonly log?: Log | undefined;
}

/**
 * The picture at `at` (the last one that was shown by then) as a JPEG; `now`: the newest there is. One ffmpeg decodes one group.
 * Errors: `not-found` when nothing is recorded there; `too-busy`, `ffmpeg-missing`, `ffmpeg-failed`.
 */
export async function frameJpeg(options: JpegOptions, args: { camera: CameraId; at: UtcMs | 'now' }): Promise<Uint8Array> {
  const { footage, reader, clock } = options;
  const camera = await footage.camera(args.camera);
  const at = args.at === 'now' ? (await footage.around(camera, utcMs(Math.ceil(clock.now()) + 1))).previous : args.at;
  const segment = at === null ? null : await footage.locate(camera, at);
  const keyframe = segment && at !== null && keyframeAt(segment, at);
  if (!segment || !keyframe || at === null) throw new CodedError('not-found', 'Nothing is recorded at this time.');
  const header = await reader.header(segment);
  const group = await reader.read(segment, keyframe.offset, keyframe.bytes);
  // ffmpeg counts decoded pictures in the order in which they are shown.
  const shown = videoFrames(group, header.init, keyframe.at).frames.filter((frame) => frame.at <= at).length;
  return decode(options, [header.bytes, group], Math.max(0, shown - 1));
}

async function decode({ clock, log = silentLog }: JpegOptions, parts: readonly Uint8Array[], index: number): Promise<Uint8Array> {
  const output: Uint8Array[] = [];
  let bytes = 0;
  const process = new FfmpegProcess({
    clock,
    log,
    inputs: [{ url: 'pipe:0', options: ['-loglevel', 'error', '-f', 'mp4'] }],
    output: ['-map', '0:v:0', '-vf', `select=eq(n\\,${index})`, '-frames:v', '1', '-q:v', '3', '-f', 'mjpeg', 'pipe:1'],
    onOutput: (chunk) => {
      bytes += chunk.length;
      if (bytes <= MAX_JPEG_BYTES) output.push(chunk);
    },
  });
  const deadline = clock.setTimeout(() => void process.stop(), DEADLINE_MS);
  process.start();
  for (const part of parts) process.write(part);
  process.end();
  const exit = await process.exited;
  deadline.cancel();
  if (exit.error) throw exit.error;
  if (bytes === 0 || bytes > MAX_JPEG_BYTES)
    throw new CodedError(
      'ffmpeg-failed',
      `ffmpeg could not make a picture of this recording: ${exit.lines.at(-1) ?? 'it gave nothing back'}.`,
    );
  return Buffer.concat(output);
}
