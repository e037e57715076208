import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { namespacesUnavailable } from '../fakes/network.ts';
import { rtspServerUnavailable } from '../fakes/rtsp-server.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { accountText } from './account.ts';
import { fakedClockUnavailable } from './faked-clock.ts';
import { FAULTS } from './faults.ts';
import { storm } from './storm.ts';
import { World } from './world.ts';

const CLIP = fileURLToPath(new URL('../../resources/demo/pedestrians.mp4', import.meta.url));

let world: World | undefined;
afterEach(async () => {
  await world?.close();
});

const unavailable = namespacesUnavailable() ?? rtspServerUnavailable() ?? fakedClockUnavailable() ?? (existsSync(CLIP) ? null : 'no clip');

it.skipIf(unavailable !== null)(
  'after everything that can happen, once each: all record again by themselves, and no second is without its reason',
  async () => {
    const seed = Number(process.env.KEYHOLE_SEED ?? Date.now() % 1_000_000);
    world = new World({ p2pCameras: 2, rtspFile: CLIP, spool: true });
    await world.start();
    const { account } = await storm(world, Object.keys(FAULTS), {
      chance: seededRandom(seed),
      told: (fault, at, ms) =>
        process.stderr.write(`faults: ${Math.round(at)} ${fault}: records again after ${(ms / 1000).toFixed(1)} s\n`),
    });
    process.stderr.write(`faults: seed ${seed}\n${accountText(account)}\n`);
    for (const riddle of account.riddles) process.stderr.write(`${JSON.stringify(riddle)}\n${await world.around(riddle)}\n`);
    expect(account.riddles, `seed ${seed}`).toEqual([]);
    expect(account.recorded).toBeGreaterThan(0);
    expect(account.healed).toBeGreaterThan(0);
    expect(world.undecodable()).toEqual([]);
    expect(await world.doctor()).toBe('');
  },
  900_000,
);
