import { access, constants, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CodedError } from '../../electron/base/errors.ts';
import { probe } from '../../electron/ffmpeg/probe.ts';
import { copyOrEncode, type InputContext, type InputPlan } from './plan.ts';

/** A video file in real time, from the beginning again when it ends; its times go on. */
export function filePlan(source: string, context: InputContext): InputPlan {
  const name = `The file ${source}`;
  // `file:` keeps ffmpeg from taking a name for an address or an option.
  const url = `file:${resolve(source)}`;
  return {
    name,
    async plan(signal) {
      await readable(source, name);
      const { media } = await probe({ url, options: [] }, { ...context, signal });
      if (!media.video) throw new CodedError('source-no-video', `${name} has no video that can be read: give a video file.`);
      return copyOrEncode({ url, options: ['-re', '-stream_loop', '-1'] }, media);
    },
  };
}

async function readable(path: string, name: string): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw new CodedError('source-not-found', `${name} is no file: give the path of a video file.`);
    await access(path, constants.R_OK);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError('source-not-found', `${name} does not exist or cannot be read: check the path.`, { cause: error });
  }
}
