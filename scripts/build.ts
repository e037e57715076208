import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** What is built, the file that proves it, and the sources it is made of. */
const TARGETS = {
  page: { proof: 'dist/page/index.html', sources: ['renderer', 'electron/contract', 'electron/base', 'vite.config.ts', 'package.json'] },
  all: {
    proof: 'dist/node/main.js',
    sources: ['renderer', 'electron', 'peer', 'camera', 'rendezvous', 'cli', 'vite.config.ts', 'package.json'],
  },
} as const;
type Target = keyof typeof TARGETS;

/** Builds the target quietly when it is missing or older than a source. Rejects with what the build said. */
export async function ensureBuilt(target: Target): Promise<void> {
  if (isFresh(target)) return;
  const release = await lock();
  try {
    // Another start may have built it while this one waited.
    if (!isFresh(target)) await build(target);
  } finally {
    release();
  }
}

function isFresh(target: Target): boolean {
  const { proof, sources } = TARGETS[target];
  const built = mtime(join(root, proof));
  return built > 0 && sources.every((source) => newest(join(root, source)) <= built);
}

/** In a process of its own: Vite's memory is not kept by the app, and its config wants the project as working folder. */
async function build(target: Target): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), target], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`The build failed. Run "npm ci", then "npm run build".\n${Buffer.concat(said).toString('utf8').trim()}`);
}

/** One build at a time, for commands started side by side. A lock whose process is gone does not count. */
async function lock(): Promise<() => void> {
  const folder = join(root, 'node_modules', '.cache');
  const file = join(folder, 'keyhole-build.lock');
  mkdirSync(folder, { recursive: true });
  for (;;) {
    try {
      const handle = openSync(file, 'wx');
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!ownerLives(file)) rmSync(file, { force: true });
    await wait(100);
  }
}

function ownerLives(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Written an instant after it was made: an empty lock is a young one.
    if (pid === 0) return Date.now() - mtime(file) < 5000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function newest(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats?.mtimeMs ?? 0;
  return Math.max(
    0,
    ...readdirSync(path, { withFileTypes: true })
      .filter(({ name }) => !name.endsWith('.test.ts') && !name.endsWith('.md'))
      .map(({ name }) => newest(join(path, name))),
  );
}

function mtime(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (import.meta.main) {
  const { createBuilder } = await import('vite');
  const builder = await createBuilder({ root, logLevel: 'error' });
  const page = builder.environments.client;
  if (process.argv[2] === 'page' && page) await builder.build(page);
  else await builder.buildApp();
}
