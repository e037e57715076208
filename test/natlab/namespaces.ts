import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namespacesUnavailable } from '../fakes/network.ts';
import { run } from './shell.ts';

const MARK = 'khlab';
const NAMES = new RegExp(`^${MARK}-(\\d+)-(\\d+)-`);
const TOOLS = {
  nft: 'nftables',
  conntrack: 'conntrack',
  ethtool: 'ethtool',
  python3: 'python3',
  turnserver: 'coturn',
  miniupnpd: 'miniupnpd',
};

/** Why there can be no laboratory here, or null. */
export function laboratoryUnavailable(): string | null {
  const why = namespacesUnavailable();
  if (why) return why;
  for (const [tool, name] of Object.entries(TOOLS)) {
    try {
      execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    } catch {
      return `${name} is not installed`;
    }
  }
  return null;
}

/**
 * Removes everything whose names begin with $1, and the folder $2, as soon as stdin ends: when the laboratory is closed, and
 * just as well when the process of the tests is killed. Signals of the terminal are not for it.
 */
const GUARD = `
trap '' INT TERM HUP
cat >/dev/null
for round in 1 2; do
  for path in /run/netns/"$1"-*; do
    [ -e "$path" ] && ip netns pids "\${path##*/}" | xargs -r kill -KILL 2>/dev/null
  done
done
for path in /run/netns/"$1"-*; do
  [ -e "$path" ] && ip netns delete "\${path##*/}"
done
rm -rf -- "$2"
exit 0
`;

/** The network namespaces of one laboratory. They are gone when it is closed, and when its process ends in any way. */
export class Namespaces {
  static #count = 0;
  /** Begins the name of each; holds who made it, so that the next run knows what nobody will remove any more. */
  readonly prefix: string;
  /** For files; goes with the namespaces. */
  readonly folder: string;
  readonly #guard: ChildProcess;
  readonly #gone: Promise<void>;

  private constructor() {
    this.prefix = `${MARK}-${process.pid}-${startOf(process.pid)}-${(Namespaces.#count += 1)}`;
    this.folder = join(tmpdir(), this.prefix);
    mkdirSync(this.folder, { mode: 0o700 });
    this.#guard = spawn('sh', ['-c', GUARD, 'sh', this.prefix, this.folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#gone = new Promise((resolve) => this.#guard.once('close', () => resolve()));
  }

  /** Sweeps what dead processes left, then begins. */
  static async start(): Promise<Namespaces> {
    await sweep();
    return new Namespaces();
  }

  /** A new namespace with loopback up. @returns its full name */
  async add(name: string): Promise<string> {
    const full = `${this.prefix}-${name}`;
    await run(['ip', 'netns', 'add', full]);
    await run(['ip', '-n', full, 'link', 'set', 'lo', 'up']);
    return full;
  }

  /** Kills every process in the namespaces and removes them. */
  async close(): Promise<void> {
    this.#guard.stdin?.end();
    await this.#gone;
  }
}

/** Removes namespaces and folders of laboratories whose process is no more. Those of others that run at the same time stay. */
export async function sweep(): Promise<void> {
  const isLeft = (name: string) => {
    const [, pid = '', start = ''] = NAMES.exec(name) ?? [];
    return pid !== '' && startOf(Number(pid)) !== start;
  };
  for (const name of namespacesThere().filter(isLeft)) {
    const script = 'ip netns pids "$1" | xargs -r kill -KILL; ip netns delete "$1"';
    await run(['sh', '-c', script, 'sh', name]).catch(() => {}); // another's sweep was quicker
  }
  for (const name of readdirSync(tmpdir()).filter(isLeft)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

/** Names of the namespaces that are there now, of whatever laboratory. */
export function namespacesThere(): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => NAMES.test(name));
  } catch {
    return [];
  }
}

/** When a process began, in clock ticks since boot: with the id it tells processes apart. Empty when there is none. */
function startOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    );
  } catch {
    return '';
  }
}
