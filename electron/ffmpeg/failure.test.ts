import { describe, expect, it } from 'vitest';
import { CodedError } from '../base/errors.ts';
import { sourceFailure } from './failure.ts';
import type { FfmpegExit } from './process.ts';

const exit = (...lines: string[]): FfmpegExit => ({ asked: false, stalled: false, hung: false, code: 1, signal: null, lines, error: null });

describe('sourceFailure', () => {
  it.each([
    ['[rtsp @ 0x55] method DESCRIBE failed: 401 Unauthorized', 'rtsp-unauthorized'],
    ['rtsp://10.0.0.9/live: Server returned 401 Unauthorized (authorization failed)', 'rtsp-unauthorized'],
    ['[tcp @ 0x55] Connection to tcp://127.0.0.1:9?timeout=0 failed: Connection refused', 'rtsp-refused'],
    ['rtsp://10.0.0.9/live: No route to host', 'rtsp-refused'],
    ['[tcp @ 0x1] Failed to resolve hostname camera.lan: Name or service not known', 'source-not-found'],
    ['rtsp://10.0.0.9/live: Server returned 404 Not Found', 'source-not-found'],
    ['file:/x.mp4: No such file or directory', 'source-not-found'],
    ["Stream map '0:v:0' matches no streams.", 'source-no-video'],
    ['x.mp4: Invalid data found when processing input', 'source-no-video'],
    ['rtsp://10.0.0.9/live: Connection timed out', 'source-stalled'],
    ['Exiting normally, received signal 15.', 'source-ended'],
  ])('%s', (line, code) => {
    const failure = sourceFailure(exit('Input #0, rtsp', line, 'Conversion failed!'), 'The camera at 10.0.0.9');
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(/^The camera at 10\.0\.0\.9 .+\.$/);
  });

  it('tells a process that hangs, and one that never began', () => {
    expect(sourceFailure({ ...exit(), stalled: true }, 'It').code).toBe('source-stalled');
    const missing = new CodedError('ffmpeg-missing', 'No ffmpeg.');
    expect(sourceFailure({ ...exit(), error: missing }, 'It')).toBe(missing);
  });

  it('says that ffmpeg hung or was killed, and its last words where it has no others', () => {
    expect(sourceFailure({ ...exit(), stalled: true, hung: true }, 'The camera')).toMatchObject({
      code: 'ffmpeg-failed',
      message: expect.stringContaining('hung') as unknown,
    });
    expect(sourceFailure({ ...exit('frame= 12'), signal: 'SIGKILL' }, 'The camera')).toMatchObject({
      code: 'ffmpeg-failed',
      message: 'ffmpeg, which reads the camera, ended: it was killed (SIGKILL). The camera is tried again.',
    });
    expect(sourceFailure(exit('av_interleaved_write_frame(): Bad thing.'), 'The camera').message).toBe(
      'The camera ended (“av_interleaved_write_frame(): Bad thing”): it is tried again.',
    );
  });

  it('puts a name with signs of its own into the sentence as it is', () => {
    expect(sourceFailure(exit('404 Not Found'), 'The file $& {}').message).toBe('The file $& {} was not found: check the address.');
  });
});
