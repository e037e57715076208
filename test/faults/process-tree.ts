import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** A process and its living descendants, the root first (Linux: /proc). */
export function processTree(root: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(Number(name)) ?? []);
  const family = new Map<number, Process>();
  const first = all.find(({ pid }) => pid === root);
  if (first) family.set(root, first);
  for (let grew = true; grew;) {
    grew = false;
    for (const process of all) {
      if (family.has(process.pid) || !family.has(process.parent)) continue;
      family.set(process.pid, process);
      grew = true;
    }
  }
  return [...family.values()];
}

/** The ffmpegs among them. */
export function ffmpegsOf(root: number): number[] {
  return processTree(root)
    .filter(({ pid, command }) => /(^|\/)ffmpeg(\0|$)/.test(command) || executable(pid).endsWith('/ffmpeg'))
    .map(({ pid }) => pid);
}

/** Resident memory of them all, bytes. */
export function memoryOf(root: number): number {
  return processTree(root).reduce((sum, { pid }) => {
    try {
      const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return sum + Number(kib ?? 0) * 1024;
    } catch {
      return sum;
    }
  }, 0);
}

/** One that has ended meanwhile is passed over. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended by itself.
    }
  }
}

function executable(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

function read(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid, parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    return null;
  }
}
