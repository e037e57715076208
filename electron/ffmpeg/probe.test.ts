import { describe, expect, it } from 'vitest';
import { StreamLines } from './probe.ts';

const read = (...lines: string[]) => {
  const reader = new StreamLines();
  for (const line of lines) reader.push(line);
  return reader.media;
};

describe('StreamLines', () => {
  it('reads ffmpeg 5', () => {
    expect(
      read(
        "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'x.mp4':",
        'Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 768x576, 297 kb/s, 10 fps, 10 tbr, 10240 tbn (default)',
        'Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp, 128 kb/s (default)',
      ),
    ).toEqual({
      video: { codec: 'h264', width: 768, height: 576, fps: 10 },
      audio: { codec: 'aac', sampleRate: 44100, channels: 2 },
    });
  });

  it('reads the build of 2018 and RTSP, whose rate may be unknown', () => {
    expect(
      read(
        'Stream #0:0: Video: hevc (Main), yuv420p(tv), 2560x1440, 90k tbr, 90k tbn, 90k tbc',
        'Stream #0:1: Audio: pcm_mulaw, 8000 Hz, 1 channels, s16, 64 kb/s',
      ),
    ).toEqual({
      video: { codec: 'hevc', width: 2560, height: 1440, fps: null },
      audio: { codec: 'pcm_mulaw', sampleRate: 8000, channels: 1 },
    });
  });

  it('takes the first of a kind, no cover picture, and nothing of the output', () => {
    expect(
      read(
        'Stream #0:0: Audio: mp3, 48000 Hz, mono, fltp, 64 kb/s',
        'Stream #0:1: Video: mjpeg, yuvj420p, 300x300, 90k tbr (attached pic)',
        "Output #0, null, to 'pipe:1':",
        'Stream #0:0: Video: h264, yuv420p, 640x360, 25 fps',
      ),
    ).toEqual({ video: null, audio: { codec: 'mp3', sampleRate: 48000, channels: 1 } });
  });
});
