import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './errors.ts';

/**
 * Makes a folder and those above it, each readable by its owner only. Throws the system call's error.
 * Not `mkdir` with `recursive`: where a parent refuses with ENOENT though it exists, as /proc does, Node tries for ever.
 */
export function makeFolder(path: string, mode = 0o700): void {
  const folder = resolve(path);
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    if (dirname(folder) !== folder) makeFolder(dirname(folder), mode);
  }
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may have been faster.
    if (errnoOf(error) !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
  }
}
