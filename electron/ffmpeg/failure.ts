import { CodedError, type ErrorCode } from '../base/errors.ts';
import type { FfmpegExit } from './process.ts';

/** What ffmpeg's lines mean; the first that fits counts. `{}` stands for the source. */
const MEANINGS: readonly { readonly pattern: RegExp; readonly code: ErrorCode; readonly text: string }[] = [
  {
    pattern: /\b401\b|\b403\b|unauthorized|authorization failed/i,
    code: 'rtsp-unauthorized',
    text: '{} refuses the user name or password: correct them.',
  },
  {
    pattern: /connection refused/i,
    code: 'rtsp-refused',
    text: '{} refuses the connection: check the address and the port, and that the camera is switched on.',
  },
  {
    pattern: /no route to host|network is unreachable|host is (down|unreachable)/i,
    code: 'rtsp-refused',
    text: '{} cannot be reached: check the address and the network.',
  },
  {
    pattern: /failed to resolve hostname|name or service not known|temporary failure in name resolution/i,
    code: 'source-not-found',
    text: '{} has a name that is not known: check the address.',
  },
  { pattern: /\b404\b|no such file or directory|no such device/i, code: 'source-not-found', text: '{} was not found: check the address.' },
  {
    pattern: /permission denied|device or resource busy/i,
    code: 'source-not-found',
    text: '{} cannot be opened: it belongs to another user or program.',
  },
  { pattern: /matches no streams|does not contain any stream|no video/i, code: 'source-no-video', text: '{} has no video.' },
  {
    pattern: /invalid data found|moov atom not found|could not find codec parameters/i,
    code: 'source-no-video',
    text: '{} has no video that can be read.',
  },
  {
    pattern: /(connection|operation) timed out|connection reset|broken pipe|input\/output error/i,
    code: 'source-stalled',
    text: '{} stopped answering: it is tried again.',
  },
];

/** How a run ended, in ffmpeg's own words where it had any. */
export function endOf({ lines, signal, code }: Pick<FfmpegExit, 'lines' | 'signal' | 'code'>): string {
  const last = lines.at(-1)?.replace(/[.\s]+$/, '');
  if (signal) return `it was killed (${signal})`;
  return last ? `“${last}”` : `exit code ${code}`;
}

/** Why ffmpeg ended without having been asked to, in words for people. `name`: what they know the source by, without secrets. */
export function sourceFailure(exit: FfmpegExit, name: string): CodedError {
  if (exit.error) return exit.error;
  if (exit.hung) return new CodedError('ffmpeg-failed', `ffmpeg, which reads the camera, hung and was killed. ${name} is tried again.`);
  if (exit.stalled) return new CodedError('source-stalled', `${name} sends nothing any more: it is tried again.`);
  if (exit.signal) return new CodedError('ffmpeg-failed', `ffmpeg, which reads the camera, ended: ${endOf(exit)}. ${name} is tried again.`);
  for (const line of exit.lines.toReversed()) {
    const meaning = MEANINGS.find(({ pattern }) => pattern.test(line));
    if (meaning)
      return new CodedError(
        meaning.code,
        meaning.text.replace('{}', () => name),
      );
  }
  return new CodedError('source-ended', `${name} ended (${endOf(exit)}): it is tried again.`);
}
