/**
 * The end of an ffmpeg command line whose stdout a PacketReader reads: for each packet a line of text
 * (`0, dts, pts, duration, size, checksum`) and then its bytes. Unlike a fragmented MP4, in which a frame waits until the next one
 * tells its duration, a packet leaves at once: for live pictures that is one frame of delay less.
 *
 * Lines and bytes are written by slaves of one `tee`, which hands each packet to them in this order and in one thread; each flushes
 * what it is given, and has one stream only, so that none holds a packet back to interleave it. Lines about video end with
 * a CRC (`0x…`, framecrc), those about sound with an MD5 (framemd5): that tells them apart.
 * H.264 comes as Annex B, each keyframe with its parameter sets. The slaves see to that: with `-bsf:v` for the whole output nothing comes
 * any more after a looped file began anew (ffmpeg 5.1).
 * @param maps which streams of the inputs, as `-map` names them: one video and perhaps one audio
 */
export function packetOutput(maps: { readonly video: string; readonly audio: string | null }): string[] {
  const map = ['-map', maps.video, ...(maps.audio ? ['-map', maps.audio] : [])];
  const common = ['-max_interleave_delta', '1', '-copytb', '1', '-muxdelay', '0', '-muxpreload', '0'];
  const slave = (stream: string, options: string) => `[select=\\'${stream}\\':${options}:flush_packets=1]pipe:1`;
  const annexB = 'bsfs=h264_mp4toannexb,dump_extra';
  const video = [slave('v:0', `f=framecrc:${annexB}`), slave('v:0', `f=data:${annexB}`)];
  const audio = maps.audio ? [slave('a:0', 'f=framemd5'), slave('a:0', 'f=data')] : [];
  return [...map, ...common, '-f', 'tee', [...video, ...audio].join('|')];
}
