import { CodedError } from '../../electron/base/errors.ts';
import { ffmpegBinary } from '../../electron/ffmpeg/binary.ts';
import { sourceFailure } from '../../electron/ffmpeg/failure.ts';
import { probe } from '../../electron/ffmpeg/probe.ts';
import { rtspInput } from '../../electron/ffmpeg/rtsp-input.ts';
import { copyOrEncode, type InputContext, type InputPlan } from './plan.ts';

/** A camera beside us. User and password may be in the address. @throws CodedError `bad-request` */
export function rtspPlan(source: string, context: InputContext): InputPlan {
  if (!URL.canParse(source)) throw new CodedError('bad-request', 'This is no RTSP address: it looks like rtsp://192.168.1.20:554/stream1.');
  const name = `The camera at ${new URL(source).host}`;
  return {
    name,
    async plan(signal) {
      const input = rtspInput(source, await ffmpegBinary());
      const { media, exit } = await probe(input, { ...context, signal });
      if (!media.video && !media.audio) throw sourceFailure(exit, name);
      if (!media.video) throw new CodedError('source-no-video', `${name} has no video.`);
      return copyOrEncode(input, media);
    },
  };
}
