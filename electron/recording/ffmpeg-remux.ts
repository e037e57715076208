import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { FfmpegBinary } from '../ffmpeg/binary.ts';
import { RemuxProcess } from '../ffmpeg/remux.ts';
import type { RemuxFactory } from './remux-feed.ts';

/** One `ffmpeg -c copy` for each camera that does not come through ffmpeg already. */
export function ffmpegRemux(options: { readonly clock: Clock; readonly log: Log; readonly binary?: FfmpegBinary }): RemuxFactory {
  return ({ configs, onFragment, onFailed }) => {
    const process = new RemuxProcess({ ...options, onFragment, onFailure: onFailed });
    process.start(configs);
    return process;
  };
}
