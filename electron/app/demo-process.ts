import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { utilityProcess } from 'electron';
import { entryUrl } from '../base/entry.ts';
import type { SpawnProgram } from '../host/program.ts';

const STOP_WITHIN_MS = 4000;

/** Runs `keyhole ARGS` as a utility process: the packaged app has no plain Node to run it with. */
export const spawnDemoProcess: SpawnProgram = (args, events) => {
  const entry = fileURLToPath(entryUrl(import.meta.url, '../../cli/main.ts', 'keyhole'));
  const child = utilityProcess.fork(entry, [...args], { serviceName: `Keyhole demo ${args[0] ?? ''}`, stdio: 'pipe' });
  let last = '';
  if (child.stdout) createInterface(child.stdout).on('line', events.line);
  if (child.stderr) {
    createInterface(child.stderr).on('line', (line) => {
      if (line.trim()) last = line;
    });
  }
  const ended = new Promise<void>((resolve) =>
    child.once('exit', (code) => {
      events.exit(`exit code ${code}${last ? `: ${last}` : ''}`);
      resolve();
    }),
  );
  return {
    stop: async () => {
      child.postMessage('stop');
      const force = setTimeout(() => child.kill(), STOP_WITHIN_MS);
      await ended;
      clearTimeout(force);
    },
  };
};

/** The bundled clip: beside the build in a checkout, outside the archive in the packaged app, where ffmpeg can read it. */
export function packagedDemoClip(packaged: boolean, resources: string): string {
  if (packaged) return join(resources, 'demo', 'pedestrians.mp4');
  return fileURLToPath(new URL('../../resources/demo/pedestrians.mp4', import.meta.url));
}
