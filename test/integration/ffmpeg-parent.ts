import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { FfmpegProcess } from '../../electron/ffmpeg/process.ts';

/* A program that starts ffmpegs and is killed: `stuck` waits for a second picture that never comes, while sound goes on; `ends` is over by itself. */

const picture = ['-probesize', '32', '-analyzeduration', '0', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', '320x180', '-r', '10'];
const sound = { url: 'sine=frequency=330', options: ['-re', '-f', 'lavfi'] };
const stuck = new FfmpegProcess({
  inputs: [{ url: 'pipe:0', options: picture }, sound],
  output: ['-map', '0:v:0', '-map', '1:a:0', '-c:v', 'libx264', '-c:a', 'libopus', '-f', 'matroska', 'pipe:1'],
  clock: systemClock,
  log: silentLog,
  // It has read what there is, and waits from now on.
  onLine: (line) => line.startsWith('Input #1') && process.stdout.write('waiting\n'),
});
const ends = new FfmpegProcess({ inputs: [sound], output: ['-t', '0.2', '-f', 's16le', 'pipe:1'], clock: systemClock, log: silentLog });

ends.start();
const { code } = await ends.exited;
process.stdout.write(`ended ${code}\n`);
// Else the program ends here, since nothing of ours keeps it.
if (process.argv[2] === 'stuck') {
  stuck.start();
  stuck.write(new Uint8Array((320 * 180 * 3) / 2));
}
