import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, type Rival } from './rival.ts';

/** Why it cannot be compared with here, or null. */
export function motionUnavailable(): string | null {
  return existsSync('/usr/bin/motion') ? null : 'motion is not installed';
}

/** Debian's `motion`, all the time, passing through what comes. It decodes all the same: that is how it is made. */
export async function motion(urls: readonly string[], dir: string): Promise<Rival> {
  const folder = join(dir, 'motion');
  mkdirSync(folder, { recursive: true });
  const common = ['daemon off', 'webcontrol_port 0', 'stream_port 0', 'log_level 3', `target_dir ${folder}`];
  const recording = [
    'movie_output on',
    'movie_passthrough on',
    'movie_max_time 60',
    'emulate_motion on',
    'picture_output off',
    'framerate 25',
  ];
  const cameras = urls.map((url, index) => {
    const file = join(dir, `motion-${index}.conf`);
    writeFileSync(file, [`netcam_url ${url}`, 'width 1920', 'height 1080', `movie_filename ${index}-%v`].join('\n') + '\n');
    return `camera ${file}`;
  });
  const config = join(dir, 'motion.conf');
  writeFileSync(config, [...common, ...recording, ...cameras].join('\n') + '\n');
  const child = spawn('motion', ['-n', '-c', config], { stdio: 'ignore' });
  return { name: 'motion (passthrough)', pids: [child.pid ?? 0], folder, close: () => end([child]) };
}
