import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../fakes/seeded-random.ts';
import { accountText } from './account.ts';
import { FAULTS, type Chance } from './faults.ts';
import { storm } from './storm.ts';
import { growthPerHour } from './trend.ts';
import { World } from './world.ts';

/**
 * `npm run soak -- --hours N [--cameras N] [--seed N] [--json FILE]`: random faults for hours, then an account of every second. Exit 0
 * only when no second is unexplained, all that is stored can be decoded, and `keyhole doctor` finds nothing. Linux, as root.
 */
const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    cameras: { type: 'string', default: '4' },
    seed: { type: 'string' },
    json: { type: 'string' },
  },
});
const hours = Number(values.hours);
const cameras = Number(values.cameras);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(hours > 0) || !Number.isInteger(cameras) || cameras < 1 || !Number.isInteger(seed)) {
  process.stderr.write('soak: --hours takes a number above 0, --cameras and --seed whole ones.\n');
  process.exit(2);
}
process.env.KEYHOLE_LAN ??= 'off';
process.env.KEYHOLE_GATEWAY ??= 'off';

const chance = seededRandom(seed);
const world = new World({
  p2pCameras: cameras,
  rtspFile: fileURLToPath(new URL('../../resources/demo/pedestrians.mp4', import.meta.url)),
  spool: true,
});
const ends = performance.now() + hours * 3_600_000;

/** Any of them, at random, until the time is over. */
function* faults(chance: Chance): Generator<string> {
  const names = Object.keys(FAULTS);
  while (performance.now() < ends) yield names[Math.floor(chance() * names.length)] ?? '';
}

process.stderr.write(`soak: ${hours} h, ${cameras} peer-to-peer cameras and one by RTSP, seed ${seed}\n`);
/** True when all is well. */
async function soak(): Promise<boolean> {
  await world.start();
  const {
    account,
    memory,
    faults: count,
  } = await storm(world, faults(chance), {
    chance,
    calmMs: () => 10_000 + chance() * 50_000,
    told: (fault, at, ms) =>
      process.stderr.write(`${new Date(at).toISOString()} ${fault}: records again after ${(ms / 1000).toFixed(1)} s\n`),
  });
  const undecodable = world.undecodable();
  const doctor = await world.doctor();
  // Begins anew at each start of the app; what grows over all of them is a leak that no start mends, or caches that fill.
  const growth = growthPerHour(memory.slice(Math.floor(memory.length / 4)));
  const largest = Math.max(0, ...memory.map(({ bytes }) => bytes));
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  const lines = [
    `soak: ${count} faults in ${hours} h, seed ${seed}`,
    accountText(account),
    ...account.riddles.map(({ from, to, text }) => `  ${new Date(from).toISOString()} for ${to - from} ms: ${text}`),
    `memory      at most ${mib(largest)}, growing by ${mib(growth)} an hour`,
    `undecodable ${undecodable.length === 0 ? 'none' : undecodable.join(', ')}`,
    `doctor      ${doctor === '' ? 'all is well' : doctor}`,
  ];
  process.stdout.write(lines.join('\n') + '\n');
  if (values.json) {
    mkdirSync(dirname(values.json), { recursive: true });
    const report = { at: new Date().toISOString(), seed, hours, cameras, faults: count, account, memory, growth, undecodable, doctor };
    writeFileSync(values.json, JSON.stringify(report, null, 2) + '\n');
  }
  return account.unexplained === 0 && undecodable.length === 0 && doctor === '';
}

const well = await soak().finally(() => world.close());
process.exit(well ? 0 : 1);
