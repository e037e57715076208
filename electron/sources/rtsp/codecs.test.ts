import { describe, expect, it } from 'vitest';
import { rtspCodecs } from './codecs.ts';

const video = { codec: 'h264', width: 640, height: 360, fps: 25 };
const audio = (codec: string) => ({ codec, sampleRate: 8000, channels: 1 });
const modern = { libavformat: 59 };

describe('rtspCodecs', () => {
  it.each([
    ['aac', 'copy', 'coded'],
    ['opus', 'copy', 'coded'],
    ['pcm_mulaw', 'copy', 'pcm'],
    ['pcm_alaw', 'copy', 'pcm'],
    ['adpcm_g726', 'aac', 'coded'],
  ])('%s: %s', (codec, how, kind) => {
    expect(rtspCodecs({ video, audio: audio(codec) }, modern)).toEqual({
      codecs: ['-c:v', 'copy', '-c:a', how],
      tracks: { video: true, audio: kind },
    });
  });

  it('encodes Opus anew where ffmpeg is old', () => {
    expect(rtspCodecs({ video, audio: audio('opus') }, { libavformat: 58 }).codecs).toEqual(['-c:v', 'copy', '-c:a', 'aac']);
  });

  it('copies H.265, and does without sound', () => {
    expect(rtspCodecs({ video: { ...video, codec: 'hevc' }, audio: null }, modern)).toEqual({
      codecs: ['-c:v', 'copy', '-an'],
      tracks: { video: true, audio: 'none' },
    });
  });

  it('refuses other video, with a word on what to do', () => {
    expect(() => rtspCodecs({ video: { ...video, codec: 'mjpeg' }, audio: null }, modern)).toThrow(
      expect.objectContaining({ code: 'codec-unsupported', message: expect.stringContaining('mjpeg') }),
    );
  });
});
