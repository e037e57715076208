/** Which tracks an output has, and whether the audio is PCM, which only the QuickTime flavour of the container allows. */
export interface OutputTracks {
  readonly video: boolean;
  readonly audio: 'none' | 'coded' | 'pcm';
}

/** `mfhd` sequence numbers of audio fragments begin here, so that a reader of the common pipe can tell them from video. */
export const AUDIO_SEQUENCE_BASE = 1_000_000_000;

const MUXER = [
  'movflags=frag_every_frame+empty_moov+default_base_moof+frag_discont',
  'use_editlist=0',
  'video_track_timescale=90000',
  'flush_packets=1',
  'avoid_negative_ts=disabled',
  'strict=-2',
].join(':');

/**
 * The end of an ffmpeg command line whose stdout a FragmentReader reads: each frame a `moof` and `mdat` of its own, with exactly
 * the times that went in.
 *
 * Each track has its own muxer, all on one pipe. One muxer for both gets times wrong in every version tried (4.1-dev, 5.1): when
 * a frame of one track flushes a fragment of the other, it guesses that one's duration, and what comes after is moved. The muxers'
 * writes do not mix: they run in one thread, and each flushes whole fragments (flush_packets).
 * - `-copytb 1` keeps the 90 kHz time base; without it times are rounded to the nominal frame rate.
 * - `max_interleave_delta` of 1 us: a silent track does not hold up the other.
 * - `global_header` puts an encoder's parameter sets where MP4 wants them.
 * @param maps which streams of the inputs they are, as `-map` names them
 */
export function fragmentedOutput(tracks: OutputTracks, maps = { video: '0:v:0', audio: '0:a:0' }): string[] {
  const video = tracks.video ? [`[select=\\'v:0\\':f=mp4:${MUXER}]pipe:1`] : [];
  const format = tracks.audio === 'pcm' ? 'mov' : 'mp4';
  const audio = tracks.audio === 'none' ? [] : [`[select=\\'a:0\\':f=${format}:fragment_index=${AUDIO_SEQUENCE_BASE}:${MUXER}]pipe:1`];
  const map = [...(tracks.video ? ['-map', maps.video] : []), ...(tracks.audio === 'none' ? [] : ['-map', maps.audio])];
  const common = ['-max_interleave_delta', '1', '-copytb', '1', '-flags', '+global_header', '-muxdelay', '0', '-muxpreload', '0'];
  return [...map, ...common, '-f', 'tee', [...video, ...audio].join('|')];
}
