import { MODERN_LIBAVFORMAT, type FfmpegBinary } from './binary.ts';
import type { FfmpegInput } from './process.ts';

/** Longest wait for the camera, in microseconds: without it a dead one holds ffmpeg up for ever. */
const TIMEOUT_US = '10000000';

/**
 * RTSP over TCP. ffmpeg is told not to wait for the frame rate nor for the first RTCP report (`max_ts_probe`). The bundled build of 2018 calls the timeout `stimeout`; its `timeout` means to listen.
 */
export function rtspInput(url: string, binary: FfmpegBinary): FfmpegInput {
  const timeout = binary.libavformat >= MODERN_LIBAVFORMAT ? '-timeout' : '-stimeout';
  const options = [
    '-rtsp_transport',
    'tcp',
    timeout,
    TIMEOUT_US,
    '-allowed_media_types',
    'video+audio',
    '-fpsprobesize',
    '0',
    '-max_ts_probe',
    '1',
  ];
  return { url, options: [...options, '-analyzeduration', '3000000', '-probesize', '2000000'] };
}

/** The address with user and password in it, as ffmpeg takes them. Never to be logged. */
export function withCredentials(url: string, username: string | undefined, password: string | undefined): string {
  const full = new URL(url);
  if (username !== undefined) full.username = encodeURIComponent(username);
  if (password !== undefined) full.password = encodeURIComponent(password);
  return full.href;
}
