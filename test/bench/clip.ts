import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** 20 s of 1080p25 H.264 at about 4 Mbit/s, keyframe every 2 s: what an ordinary IP camera sends. */
export async function benchClip(dir: string): Promise<{ file: string; name: string }> {
  const file = join(dir, 'bench.mp4');
  const picture = 'testsrc2=size=1920x1080:rate=25,noise=alls=12:allf=t';
  const encode = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '50',
    '-bf',
    '0',
    '-b:v',
    '4M',
    '-maxrate',
    '4M',
    '-bufsize',
    '4M',
    '-pix_fmt',
    'yuv420p',
  ];
  await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', picture, '-t', '20', ...encode, file]);
  return { file, name: '1080p25, 4 Mbit/s' };
}
