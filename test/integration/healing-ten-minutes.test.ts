import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { CameraSpool } from '../../camera/spool/spool.ts';
import { StateFolder } from '../../camera/state-folder.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { HealingStatus, Recordings } from '../../electron/contract/model.ts';
import { buildFragment } from '../../electron/media/fmp4/build-fragment.ts';
import { buildInit } from '../../electron/media/fmp4/build-init.ts';
import { createIdentity } from '../../peer/identity.ts';
import { Site } from '../fakes/site.ts';
import { testClip } from './p2p-world.ts';

const MINUTES = 10;
const FPS = 10;
const CLOCKS_MS = 100;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Ten minutes that the camera showed while nobody was there, ending at `to`: real pictures, written by the real spool under a simulated clock. */
async function fillSpool(root: string, state: string, to: number): Promise<{ from: number; bytes: number }> {
  const from = to - MINUTES * 60_000;
  const clock = new SimulatedClock(from);
  const { addressKey } = createIdentity(new StateFolder(state).seed());
  const spool = new CameraSpool({
    root,
    camera: `spool-${addressKey.address.slice(0, 12)}`,
    limits: { bytes: 1e10, ageMs: 7 * 86_400_000 },
    clock,
    log: silentLog,
    bootClock: { boot: 'another', startedAt: () => 0 },
    remux: () => {
      throw new Error('these units have their fragments');
    },
  });
  await spool.start();
  const { config, frames } = testClip('640x360', 2_000);
  const init = buildInit([config]);
  for (let index = 0; index < MINUTES * 60 * FPS; index += 1) {
    const { data, key } = frames[index % frames.length] ?? { data: new Uint8Array(), key: false };
    const pts = pts90k((index * 90_000) / FPS);
    const samples = [{ data, duration: 90_000 / FPS, key, compositionOffset: 0 }];
    const bytes = buildFragment({ trackId: 1, sequenceNumber: index + 1, baseDecodeTime: pts, samples });
    const utc = utcMs(from + (index * 1_000) / FPS);
    spool.push({ config, timeline: 1, pts, dts: pts, utc, receivedAt: utc, key, data, fragment: { init, bytes } });
    await clock.advance(1_000 / FPS);
    if (index % 100 === 0) await spool.settled();
  }
  await spool.close();
  return { from, bytes: spool.bytes };
}

it('ten minutes heal completely, though app and camera are killed in the middle, and play from end to end', async () => {
  const site = new Site();
  closers.push(() => site.close());
  const spool = join(site.dir, 'spool');
  const to = Math.floor(Date.now() / 1_000) * 1_000 - 30_000;
  const { from, bytes } = await fillSpool(spool, join(site.dir, 'camera-Yard'), to);
  await site.startRendezvous();
  await site.startServe();
  const startCamera = () => site.startCamera('Yard', 'test:?size=320x180&fps=10', '--spool', spool);
  const camera = await startCamera();
  const { id } = await site.addP2p('Yard', camera.invite);
  await site.live(id, 60_000);
  await site.serve?.stop();
  // As if it had been added before: the ten minutes are owed.
  const db = new Database(join(site.dataDir, 'keyhole.db'));
  db.prepare('UPDATE camera SET created_ms = ?').run(from - 60_000);
  db.close();
  await site.startServe();

  const range = `camera=${id}&from=${from}&to=${to}`;
  const recordings = () => site.json<Recordings>('GET', `/api/v1/recordings?${range}`);
  const healed = (share: number) => site.until(recordings, ({ coverage, healed: spans }) => coverage >= share && spans.length > 0, 120_000);
  await site.until(
    () => site.json<HealingStatus>('GET', `/api/v1/healing?camera=${id}`),
    ({ fetching }) => (fetching?.share ?? 0) > 0,
    60_000,
  );
  await healed(0.1);
  await site.serve?.kill();
  await site.startServe();
  const fetchedBefore = (await recordings()).coverage;
  expect(fetchedBefore).toBeGreaterThan(0.09);
  await healed(0.4);
  await camera.program.kill();
  await startCamera();
  // Two clocks, compared over a network, agree to a millisecond or so.
  const { gaps } = await site.until(recordings, ({ coverage }) => coverage > 1 - CLOCKS_MS / (MINUTES * 60_000), 240_000);
  expect(gaps.every((gap) => gap.to - gap.from <= CLOCKS_MS)).toBe(true);
  const { text } = await site.request('GET', '/metrics');
  const fetched = Number(/^keyhole_healing_bytes_total (\d+)/m.exec(text)?.[1]);
  // What was here before the app was killed was not fetched again, and of what was under way no more than one window.
  expect(fetched).toBeLessThanOrEqual(bytes * (1.02 - fetchedBefore) + 4 * 1024 * 1024);

  const clip = join(site.dir, 'clip.mp4');
  const response = await fetch(new URL(`/api/v1/clip.mp4?${range}`, site.url), { headers: { authorization: `Bearer ${site.token}` } });
  expect(response.status).toBe(200);
  writeFileSync(clip, Buffer.from(await response.arrayBuffer()));
  const probe = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=dts_time', '-of', 'csv=p=0', clip];
  const times = spawnSync('ffprobe', probe, { maxBuffer: 1e8 }).stdout.toString().trim().split('\n').map(Number);
  expect(Math.abs(times.length - MINUTES * 60 * FPS)).toBeLessThanOrEqual(30);
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeCloseTo(MINUTES * 60, -1);
  const decoded = spawnSync('ffmpeg', ['-v', 'error', '-i', clip, '-f', 'null', '-'], { maxBuffer: 1e8 });
  expect(decoded.stderr.toString()).toBe('');
}, 500_000);
