import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { entryUrl } from '../electron/base/entry.ts';
import type { SpawnProgram } from '../electron/host/program.ts';

const STOP_WITHIN_MS = 4000;

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
  let last = '';
  child.stdin.on('error', () => {});
  createInterface(child.stdout).on('line', events.line);
  createInterface(child.stderr).on('line', (line) => {
    if (line.trim()) last = line;
  });
  const ended = new Promise<void>((resolve) => {
    const end = (why: string) => {
      events.exit(why);
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(`${signal ?? `exit code ${code}`}${last ? `: ${last}` : ''}`));
  });
  return {
    stop: async () => {
      child.stdin.end();
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(force);
    },
  };
};

/** The bundled clip, from a checkout or beside the build. */
export function demoClip(from: string = import.meta.url): string {
  const path = from.endsWith('.ts') ? '../resources/demo/pedestrians.mp4' : '../../resources/demo/pedestrians.mp4';
  return fileURLToPath(new URL(path, from));
}
