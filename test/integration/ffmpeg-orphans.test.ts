import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const PARENT = fileURLToPath(new URL('./ffmpeg-parent.ts', import.meta.url));

function startParent(...argv: string[]): ChildProcessByStdio<null, Readable, null> {
  const parent = spawn(process.execPath, [PARENT, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  return parent;
}

/** What a process started and has not waited for. */
function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Not yet ended; a zombie has. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe.runIf(process.platform === 'linux')('an ffmpeg that would never notice a closed pipe', () => {
  it('ends when who started it is killed, and so does what saw to that', async () => {
    const parent = startParent('stuck');
    for await (const line of createInterface({ input: parent.stdout })) if (line === 'waiting') break;
    const started = childrenOf(parent.pid);
    onTestFinished(() => started.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')));
    expect(started.some((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('sine=frequency'))).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await vi.waitFor(() => expect(started.filter(isAlive)).toEqual([]), { timeout: 10_000, interval: 20 });
  });

  it('keeps nobody from ending, once it has ended', async () => {
    const parent = startParent();
    const lines: string[] = [];
    createInterface({ input: parent.stdout }).on('line', (line) => lines.push(line));
    const [code] = (await once(parent, 'exit')) as [number | null];
    expect({ code, lines }).toEqual({ code: 0, lines: ['ended 0'] });
  });
});
