import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Camera } from '../../electron/contract/model.ts';

/** The demo as `npm start -- --demo` runs it: real processes, real P2P. Linux only, since it looks for processes in /proc. */

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const names = ['Front door', 'Store room', 'Till', 'Yard'];
let folder = '';
let child: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-cli-demo-'));
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<{ cameras: () => Promise<Camera[]>; ended: Promise<number | null> }> {
  const running = spawn(process.execPath, [entry, 'serve', '--port', '0', '--data', folder, '--demo'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child = running;
  const ended = new Promise<number | null>((resolve) => running.once('close', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(running.stdout).once('line', resolve);
    void ended.then((code) => reject(new Error(`ended with ${code}`)));
  });
  const { url, token } = JSON.parse(line) as { url: string; token: string };
  const ask = () => fetch(`${new URL(url).origin}/api/v1/cameras`, { headers: { authorization: `Bearer ${token}` } });
  return { cameras: async () => (await (await ask()).json()) as Camera[], ended };
}

/** Process ids whose command line names the demo's folder and all of `words`. */
async function processes(...words: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if ([folder, ...words].every((word) => command.includes(word))) found.push(Number(pid));
  }
  return found;
}

const live = (cameras: Camera[]) => cameras.filter(({ state, recording }) => state === 'live' && recording).map(({ name }) => name);

describe.skipIf(process.platform !== 'linux')('the demo', () => {
  let ids: string[] = [];

  it('has four cameras live and recording, and restarts one that dies', async () => {
    const { cameras, ended } = await start();
    await expect.poll(async () => live(await cameras()).sort(), { timeout: 40_000 }).toEqual(names);
    ids = (await cameras()).map(({ id }) => id).sort();
    expect((await cameras()).every(({ source, path }) => source.kind === 'p2p' && path?.kind === 'host')).toBe(true);

    const [victim] = await processes('--name\0Till');
    expect(victim).toBeGreaterThan(0);
    process.kill(victim ?? 0, 'SIGKILL');
    await expect.poll(async () => (await processes('--name\0Till')).filter((pid) => pid !== victim).length, { timeout: 20_000 }).toBe(1);

    child?.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(await processes()).toEqual([]);
  });

  it('finds the same cameras again, and leaves no process behind even when it is killed', async () => {
    const { cameras, ended } = await start();
    await expect.poll(async () => live(await cameras()).sort(), { timeout: 40_000 }).toEqual(names);
    expect((await cameras()).map(({ id }) => id).sort()).toEqual(ids);
    child?.kill('SIGKILL');
    await ended;
    await expect.poll(() => processes(), { timeout: 15_000 }).toEqual([]);
  });
});
