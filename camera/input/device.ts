import { access, constants } from 'node:fs/promises';
import { CodedError } from '../../electron/base/errors.ts';
import { FfmpegProcess } from '../../electron/ffmpeg/process.ts';
import type { FeedPlan } from '../../electron/ffmpeg/feed.ts';
import { h264Encoder, type InputContext, type InputPlan } from './plan.ts';

const LIST_MS = 10_000;

/** A camera at this machine (Linux: video4linux2). Its own H.264 if it makes some, else encoded here. */
export function devicePlan(source: string, context: InputContext): InputPlan {
  const name = `The camera ${source}`;
  return {
    name,
    async plan(signal): Promise<FeedPlan> {
      await present(source, name);
      const encodes = await offersH264(source, context, signal);
      const options = ['-f', 'v4l2', '-thread_queue_size', '64', ...(encodes ? ['-input_format', 'h264'] : [])];
      return {
        inputs: [{ url: source, options }],
        codecs: [...(encodes ? ['-c:v', 'copy'] : h264Encoder({ fps: 25, width: 1280, height: 720 })), '-an'],
        output: { kind: 'packets', audio: null },
      };
    },
  };
}

async function present(path: string, name: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new CodedError('source-not-found', `${name} is not there or may not be used: plug it in, or join the group "video".`, {
      cause: error,
    });
  }
}

/** ffmpeg lists a device's formats and then fails on purpose: `Compressed: h264 : H.264 : 1280x720 …`. */
async function offersH264(device: string, { clock, log }: InputContext, signal: AbortSignal): Promise<boolean> {
  let offered = false;
  const process = new FfmpegProcess({
    inputs: [{ url: device, options: ['-f', 'v4l2', '-list_formats', 'all'] }],
    output: ['-t', '0', '-f', 'null', 'pipe:1'],
    clock,
    log,
    onLine: (line) => (offered ||= /\bCompressed\s*:\s*h264\b/i.test(line)),
    stallMs: LIST_MS,
    signal,
  });
  process.start();
  await process.exited;
  return offered;
}
