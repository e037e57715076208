import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { entryUrl } from '../electron/base/entry.ts';
import { programOf, type SpawnProgram } from './program.ts';

/** Runs `keyhole ARGS` as a child process of this Node. */
export const spawnProgram: SpawnProgram = (args, events) => {
  // The packed app is the command itself; Node has to be told where it is.
  const command = process.versions.electron ? [] : [fileURLToPath(entryUrl(import.meta.url, './main.ts', 'keyhole'))];
  const child = spawn(process.execPath, [...command, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, KEYHOLE_ENDS_WITH_STDIN: '1' },
    // Ctrl+C in the terminal is ours to pass on, in order.
    detached: process.platform !== 'win32',
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const { stdout, stderr } = child;
  return programOf({ stdout, stderr, ended, askToEnd: () => child.stdin.end(), kill: () => child.kill('SIGKILL') }, events);
};

/** The bundled clip, from a checkout or beside the build. */
export function demoClip(from: string = import.meta.url): string {
  const path = from.endsWith('.ts') ? '../resources/demo/pedestrians.mp4' : '../../resources/demo/pedestrians.mp4';
  return fileURLToPath(new URL(path, from));
}
