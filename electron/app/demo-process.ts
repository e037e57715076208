import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { utilityProcess } from 'electron';
import { programOf, type SpawnProgram } from '../../cli/program.ts';
import { entryUrl } from '../base/entry.ts';

/** Runs `keyhole ARGS` as a utility process: the packaged app has no plain Node to run it with. */
export const spawnDemoProcess: SpawnProgram = (args, events) => {
  const entry = fileURLToPath(entryUrl(import.meta.url, '../../cli/main.ts', 'keyhole'));
  const child = utilityProcess.fork(entry, [...args], { serviceName: `Keyhole demo ${args[0] ?? ''}`, stdio: 'pipe' });
  const ended = new Promise<string>((resolve) => child.once('exit', (code) => resolve(`exit code ${code}`)));
  const { stdout, stderr } = child;
  return programOf({ stdout, stderr, ended, askToEnd: () => child.postMessage('stop'), kill: () => child.kill() }, events);
};

/** The bundled clip: beside the build in a checkout, outside the archive in the packaged app, where ffmpeg can read it. */
export function packagedDemoClip(packaged: boolean, resources: string): string {
  if (packaged) return join(resources, 'demo', 'pedestrians.mp4');
  return fileURLToPath(new URL('../../resources/demo/pedestrians.mp4', import.meta.url));
}
