import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { end, type Rival } from './rival.ts';

/** The bare limit: one `ffmpeg -c copy` a stream, into segments of a minute. */
export async function bareFfmpeg(urls: readonly string[], dir: string): Promise<Rival> {
  const folder = join(dir, 'bare');
  mkdirSync(folder, { recursive: true });
  const children = urls.map((url, index) => {
    const input = ['-nostdin', '-loglevel', 'error', '-rtsp_transport', 'tcp', '-i', url, '-c', 'copy'];
    const segments = ['-f', 'segment', '-segment_time', '60', '-segment_format_options', 'movflags=frag_keyframe+empty_moov'];
    return spawn('ffmpeg', [...input, ...segments, join(folder, `${index}-%03d.mp4`)], { stdio: 'ignore' });
  });
  return { name: 'bare ffmpeg -c copy', pids: children.map(({ pid }) => pid ?? 0), folder, close: () => end(children) };
}
