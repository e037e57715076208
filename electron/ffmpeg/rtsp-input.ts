import { MODERN_LIBAVFORMAT, type FfmpegBinary } from './binary.ts';
import type { FfmpegInput } from './process.ts';

/** Longest wait for the camera, in microseconds: without it a dead one holds ffmpeg up for ever. */
const TIMEOUT_US = '10000000';

/** ffmpeg is told not to wait for the frame rate nor for the first RTCP report (`max_ts_probe`). */
const OPTIONS = {
  rtsp_transport: 'tcp',
  allowed_media_types: 'video+audio',
  fpsprobesize: '0',
  max_ts_probe: '1',
  analyzeduration: '3000000',
  probesize: '2000000',
};

/**
 * RTSP over TCP. The bundled build of 2018 calls the timeout `stimeout`; its `timeout` means to listen.
 *
 * An address with a password is not given on the command line, which every user of this machine can read, but in a list of one file on
 * stdin (ffmpeg's concat demuxer). The build of 2018 knows no options in such a list: there TCP is asked for in the address, and the
 * watchdogs of our own see to cameras that do not answer.
 */
export function rtspInput(url: string, binary: FfmpegBinary): FfmpegInput {
  const modern = binary.libavformat >= MODERN_LIBAVFORMAT;
  const options = Object.entries({ ...OPTIONS, [modern ? 'timeout' : 'stimeout']: TIMEOUT_US });
  if (new URL(url).password === '') return { url, options: options.flatMap(([name, value]) => [`-${name}`, value]) };
  const quoted = (address: string) => `'${address.replaceAll("'", "'\\''")}'`;
  const list = modern
    ? ['ffconcat version 1.0', `file ${quoted(url)}`, ...options.map(([name, value]) => `option ${name} ${value}`)]
    : ['ffconcat version 1.0', `file ${quoted(url + (url.includes('?') ? '&tcp' : '?tcp'))}`];
  const concat = ['-f', 'concat', '-safe', '0', '-auto_convert', '0', '-protocol_whitelist', 'pipe,rtsp,rtsps,rtp,tcp,udp,tls,crypto'];
  return { url: 'pipe:0', options: [...concat, '-fpsprobesize', '0', '-max_ts_probe', '1'], stdin: list.join('\n') + '\n' };
}

/** The address with user and password in it, as ffmpeg takes them. Never to be logged. */
export function withCredentials(url: string, username: string | undefined, password: string | undefined): string {
  const full = new URL(url);
  if (username !== undefined) full.username = encodeURIComponent(username);
  if (password !== undefined) full.password = encodeURIComponent(password);
  return full.href;
}
