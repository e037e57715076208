import { CodedError } from '../../base/errors.ts';
import type { OutputTracks } from '../../ffmpeg/fragments.ts';
import type { MediaInfo } from '../../ffmpeg/probe.ts';

/** ffmpeg's names. Copied as they are: recording keeps what the camera sent. */
const CODED = new Set(['aac', 'opus']);
const PCM = new Set(['pcm_mulaw', 'pcm_alaw']);

/**
 * Video H.264 and H.265 and audio AAC, Opus, µ-law and A-law are copied; other audio becomes AAC.
 * @throws CodedError `codec-unsupported` for other video
 */
export function rtspCodecs({ video, audio }: MediaInfo): { codecs: string[]; tracks: OutputTracks } {
  if (video && video.codec !== 'h264' && video.codec !== 'hevc') {
    throw new CodedError(
      'codec-unsupported',
      `The camera sends ${video.codec} video, which Keyhole does not record: set it to H.264 or H.265.`,
    );
  }
  const codecs = ['-c:v', 'copy'];
  if (!audio) return { codecs: [...codecs, '-an'], tracks: { video: true, audio: 'none' } };
  const pcm = PCM.has(audio.codec);
  const copied = pcm || CODED.has(audio.codec);
  return { codecs: [...codecs, '-c:a', copied ? 'copy' : 'aac'], tracks: { video: true, audio: pcm ? 'pcm' : 'coded' } };
}
