import type { ChildProcess } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A recorder of the field, at work on some streams. */
export interface Rival {
  readonly name: string;
  /** Its processes; what they start is counted with them. */
  readonly pids: readonly number[];
  /** Where its recordings are. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Of all files in a folder, however deep. */
export function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // One may be gone by now.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Ends programs that the bench started, and waits for their end. */
export async function end(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return null;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      return exited;
    }),
  );
}
