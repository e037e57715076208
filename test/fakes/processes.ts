import { readFile, readdir } from 'node:fs/promises';

/** Ids of the processes whose command line holds all of `words`; its parts are joined by `\\0`. Linux only. */
export async function processesNaming(...words: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.every((word) => command.includes(word))) found.push(Number(pid));
  }
  return found;
}
