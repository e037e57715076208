import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Camera } from '../../electron/contract/model.ts';
import { processesNaming } from '../fakes/processes.ts';
import { Program } from '../fakes/program.ts';

/** The demo as `npm start -- --demo` runs it: real processes, real P2P. Linux only, since it looks for processes in /proc. */

const names = ['Front door', 'Store room', 'Till', 'Yard'];
let folder = '';
let serve: Program | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-cli-demo-'));
});
afterAll(async () => {
  await serve?.kill();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<{ running: Program; cameras: () => Promise<Camera[]> }> {
  const running = new Program(['serve', '--port', '0', '--data', folder, '--demo']);
  serve = running;
  const { url, token } = await running.event('listening');
  const ask = () => fetch(`${new URL(String(url)).origin}/api/v1/cameras`, { headers: { authorization: `Bearer ${String(token)}` } });
  return { running, cameras: async () => (await (await ask()).json()) as Camera[] };
}

const processes = (...words: string[]) => processesNaming(folder, ...words);
const live = (cameras: Camera[]) => cameras.filter(({ state, recording }) => state === 'live' && recording).map(({ name }) => name);

describe.skipIf(process.platform !== 'linux')('the demo', () => {
  let ids: string[] = [];

  it('has four cameras live and recording, and restarts one that dies', async () => {
    const { cameras, running } = await start();
    await expect.poll(async () => live(await cameras()).sort(), { timeout: 40_000 }).toEqual(names);
    ids = (await cameras()).map(({ id }) => id).sort();
    expect((await cameras()).every(({ source, path }) => source.kind === 'p2p' && path?.kind === 'host')).toBe(true);

    const [victim] = await processes('--name\0Till');
    expect(victim).toBeGreaterThan(0);
    process.kill(victim ?? 0, 'SIGKILL');
    await expect.poll(async () => (await processes('--name\0Till')).filter((pid) => pid !== victim).length, { timeout: 20_000 }).toBe(1);

    expect(await running.stop()).toBe(0);
    expect(await processes()).toEqual([]);
  });

  it('finds the same cameras again, and leaves no process behind even when it is killed', async () => {
    const { cameras, running } = await start();
    await expect.poll(async () => live(await cameras()).sort(), { timeout: 40_000 }).toEqual(names);
    expect((await cameras()).map(({ id }) => id).sort()).toEqual(ids);
    await running.kill();
    await expect.poll(() => processes(), { timeout: 15_000 }).toEqual([]);
  });
});
