import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A killed process leaves what it wrote to the page cache: in memory the same happens, and hundreds of kills take minutes. */
export const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface Killed {
  /** Last frame that it told of; null: it was killed before the first. */
  readonly last: number | null;
  readonly ended: NodeJS.Signals | number | null;
}

/**
 * Starts a child script of this folder in a folder and kills it with SIGKILL: `afterMs` behind the first line that it writes, or behind
 * its start. It keeps the time of its last frame in the file that is its second argument.
 */
export async function startAndKill(
  script: string,
  folder: string,
  more: readonly string[],
  when: { readonly starting: boolean; readonly afterMs: number },
): Promise<Killed> {
  const note = `${folder}.note`;
  rmSync(note, { force: true });
  const child = spawn(process.execPath, [join(import.meta.dirname, script), folder, note, ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Hundreds of them start: the code is compiled once.
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOM, 'keyhole-compile-cache') },
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const kill = () => child.kill('SIGKILL');
  let timer = when.starting ? setTimeout(kill, when.afterMs) : undefined;
  child.stdout.once('data', () => (timer ??= setTimeout(kill, when.afterMs)));
  const how = await ended;
  clearTimeout(timer);
  // The note is as the killed one left it: what it wrote to a file is not lost with it.
  const last = existsSync(note) ? Number(readFileSync(note, 'utf8')) : 0;
  rmSync(note, { force: true });
  return { last: last > 0 ? last : null, ended: how };
}
