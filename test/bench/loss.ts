import { setTimeout as sleep } from 'node:timers/promises';
import { Transport } from '../../peer/session/transport.ts';
import { BadNetwork, bothWays, compare, videoOf } from '../integration/loss-world.ts';
import { ClipInput, testClip, World, type Sink } from '../integration/p2p-world.ts';
import { median, percentile } from './statistics.ts';
import type { BenchRow } from './row.ts';

const SECONDS = 12;
const RTT_MS = 40;
const LOSSES = [0, 0.01, 0.02, 0.05, 0.1];
const CAMERAS = 4;

/** What repair is worth on a network that loses packets, what it costs in time, and what it costs to know how fast one may send. */
export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const loss of LOSSES) rows.push(...(await repairRows(loss)));
  const told = await cpuPerCamera();
  const untold = await without(Transport.prototype, 'hasArrivals', { get: () => false }, cpuPerCamera);
  rows.push({
    name: `CPU per camera of both ends, transport-wide feedback on (${CAMERAS} x 1080p25, 4 Mbit/s)`,
    value: told,
    unit: '% of a core',
    against: { name: 'off', value: untold, ratio: told / untold },
  });
  return rows;
}

async function repairRows(loss: number): Promise<BenchRow[]> {
  const repaired = await watched(loss);
  const bare = await without(Transport.prototype, 'sendNack', { value: () => {} }, () => watched(loss));
  const name = `at ${loss * 100} % loss each way, ${RTT_MS} ms round trip`;
  const delay = (share: (samples: readonly number[]) => number, what: string): BenchRow => {
    const [value, other] = [share(repaired.addedMs), share(bare.addedMs)];
    return {
      name: `Delay added ${name}, ${what}`,
      value,
      unit: 'ms',
      against: { name: 'without repair', value: other, ratio: value / other },
    };
  };
  return [
    {
      name: `Frames that come whole ${name}`,
      value: repaired.whole,
      unit: '%',
      against: { name: 'without repair', value: bare.whole, ratio: repaired.whole / bare.whole },
      ...(loss <= 0.01 ? { target: '100 %' } : {}),
    },
    delay(median, 'median'),
    delay((samples) => percentile(samples, 0.95), 'p95'),
  ];
}

/** Watches a camera of 2 Mbit/s for a while. `addedMs`: from when a frame was sent to when it is out of the jitter buffer, without the way. */
async function watched(loss: number): Promise<{ whole: number; addedMs: number[] }> {
  const network = new BadNetwork({ seed: 7, ...bothWays(RTT_MS, {}) }).begin();
  const world = await new World().start();
  try {
    const input = new ClipInput(testClip('1280x720', 2_000));
    const sink = await watch(world, 'yard', input);
    for (const link of [network.toApp, network.toCamera]) link.change({ loss });
    await sleep(1_000);
    const before = sink.units.length;
    await sleep(SECONDS * 1_000);
    const units = videoOf(sink.units.slice(before));
    const { missing, damaged } = compare(input, units);
    const addedMs = units.map(({ pts, receivedAt }) => receivedAt - (input.sent.get(pts)?.at ?? NaN) - RTT_MS / 2);
    return { whole: (100 * (units.length - damaged)) / (units.length + missing), addedMs };
  } finally {
    await world.close();
    await network.close();
  }
}

/** CPU of this process, in which both ends of several sessions run. */
async function cpuPerCamera(): Promise<number> {
  const world = await new World().start();
  try {
    for (let index = 0; index < CAMERAS; index += 1) await watch(world, `camera ${index}`, new ClipInput(testClip('1920x1080', 4_000)));
    await sleep(3_000);
    const before = process.cpuUsage();
    await sleep(SECONDS * 1_000);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) / 1e6 / SECONDS / CAMERAS) * 100;
  } finally {
    await world.close();
  }
}

async function watch(world: World, name: string, input: ClipInput): Promise<Sink> {
  const camera = world.camera(name, { input });
  const app = world.app();
  const { sink } = world.source(app, await world.pair(app, camera.invite()));
  await sink.until(({ units }) => units.length > 0);
  return sink;
}

/** Runs `work` while a property of `owner` is another. */
async function without<T>(owner: object, name: string, other: PropertyDescriptor, work: () => Promise<T>): Promise<T> {
  const real = Object.getOwnPropertyDescriptor(owner, name);
  if (!real) throw new Error(`there is no ${name} to be without`);
  Object.defineProperty(owner, name, { ...other, configurable: true });
  try {
    return await work();
  } finally {
    Object.defineProperty(owner, name, real);
  }
}
