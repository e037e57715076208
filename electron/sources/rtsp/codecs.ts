import { CodedError } from '../../base/errors.ts';
import { MODERN_LIBAVFORMAT, type FfmpegBinary } from '../../ffmpeg/binary.ts';
import type { OutputTracks } from '../../ffmpeg/fragments.ts';
import type { MediaInfo } from '../../ffmpeg/probe.ts';

/** ffmpeg's names. */
const PCM = new Set(['pcm_mulaw', 'pcm_alaw']);

/**
 * Video H.264 and H.265 and audio AAC, Opus, µ-law and A-law are copied; other audio becomes AAC. So does Opus where ffmpeg is old:
 * it cannot write MP4 headers for Opus that came by RTP.
 * @throws CodedError `codec-unsupported` for other video
 */
export function rtspCodecs(
  { video, audio }: MediaInfo,
  binary: Pick<FfmpegBinary, 'libavformat'>,
): { codecs: string[]; tracks: OutputTracks } {
  if (video && video.codec !== 'h264' && video.codec !== 'hevc') {
    throw new CodedError(
      'codec-unsupported',
      `The camera sends ${video.codec} video, which Keyhole does not record: set it to H.264 or H.265.`,
    );
  }
  const codecs = ['-c:v', 'copy'];
  if (!audio) return { codecs: [...codecs, '-an'], tracks: { video: true, audio: 'none' } };
  const pcm = PCM.has(audio.codec);
  const copied = pcm || audio.codec === 'aac' || (audio.codec === 'opus' && binary.libavformat >= MODERN_LIBAVFORMAT);
  return { codecs: [...codecs, '-c:a', copied ? 'copy' : 'aac'], tracks: { video: true, audio: pcm ? 'pcm' : 'coded' } };
}
