import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Camera } from '../../electron/contract/model.ts';
import { startRtspServer } from '../fakes/rtsp-server.ts';
import { Site } from '../fakes/site.ts';
import { memoryOf } from '../faults/process-tree.ts';
import { benchClip } from './clip.ts';
import { cpuDuring } from './cpu.ts';
import { bareFfmpeg } from './rivals/bare-ffmpeg.ts';
import { motion, motionUnavailable } from './rivals/motion.ts';
import { bytesIn, type Rival } from './rivals/rival.ts';
import { zoneminder, zoneminderUnavailable } from './rivals/zoneminder.ts';
import type { BenchRow } from './row.ts';

const SECONDS = 30;
/** What connecting costs is not what is measured. */
const WARM_UP_MS = 15_000;
const MIB = 1024 * 1024;
/** It decodes every picture: more of them and this machine would be measured, and not motion. */
const MOTION_CAMERAS = 4;

interface Figures {
  /** Percent of a core for each camera. */
  readonly cpu: number;
  /** MiB for each camera. */
  readonly memory: number;
  /** Mbit/s of each camera that reached the disk. */
  readonly written: number;
}

/** 16 and 32 cameras recorded at once: CPU, memory and bytes written of ours, of bare ffmpeg and of others, on the same streams. */
export async function run(): Promise<BenchRow[]> {
  const site = new Site();
  const clip = await benchClip(site.dir);
  const server = await startRtspServer({ file: clip.file, seconds: 900 });
  // The query makes each a camera of its own to us; the server ignores it.
  const urls = (count: number) => Array.from({ length: count }, (_, index) => `${server.url}?camera=${index}`);
  const rows: BenchRow[] = [];
  try {
    for (const count of [16, 32]) {
      const dir = join(site.dir, String(count));
      mkdirSync(dir);
      const bare = await figures(() => bareFfmpeg(urls(count), dir), count);
      const what = `${count} x ${clip.name}`;
      rows.push(...compare(`RTSP, ${what}`, await figures(() => keyhole('RTSP', urls(count)), count), 'bare ffmpeg -c copy', bare));
      rows.push(...compare(`P2P, ${what}`, await figures(() => keyhole('P2P', urls(count)), count), 'bare ffmpeg -c copy', bare));
      const missing = zoneminderUnavailable();
      if (missing) console.error(`bench: no ZoneMinder: ${missing}`);
      else
        rows.push(
          ...compare(
            `ZoneMinder, passthrough, ${what}`,
            await figures(() => zoneminder(urls(count), dir), count),
            'bare ffmpeg -c copy',
            bare,
          ),
        );
    }
    const missing = motionUnavailable();
    if (missing) console.error(`bench: no motion: ${missing}`);
    else {
      const few = urls(MOTION_CAMERAS);
      const bare = await figures(() => bareFfmpeg(few, site.dir), MOTION_CAMERAS);
      const theirs = await figures(() => motion(few, site.dir), MOTION_CAMERAS);
      rows.push(...compare(`motion, passthrough, ${MOTION_CAMERAS} x ${clip.name}`, theirs, 'bare ffmpeg -c copy', bare));
    }
    return rows;
  } finally {
    await server.close();
    await site.close();
  }
}

async function figures(start: () => Promise<Rival>, cameras: number): Promise<Figures> {
  const rival = await start();
  try {
    await sleep(WARM_UP_MS);
    const before = bytesIn(rival.folder);
    const began = performance.now();
    const used = await cpuDuring(rival.pids, () => sleep(SECONDS * 1000));
    const seconds = (performance.now() - began) / 1000;
    const written = bytesIn(rival.folder) - before;
    const memory = rival.pids.reduce((sum, pid) => sum + memoryOf(pid), 0);
    if (written === 0) throw new Error(`${rival.name} has recorded nothing`);
    return {
      cpu: (used.reduce((sum, each) => sum + each, 0) / seconds / cameras) * 100,
      memory: memory / cameras / MIB,
      written: (written * 8) / seconds / cameras / 1e6,
    };
  } finally {
    await rival.close();
  }
}

/** The app as people start it, cameras recording; what runs at the camera's side is not counted. */
async function keyhole(kind: 'RTSP' | 'P2P', urls: readonly string[]): Promise<Rival> {
  const site = new Site();
  await site.startRendezvous();
  const serve = await site.startServe();
  for (const [index, url] of urls.entries()) {
    const name = `Camera ${index}`;
    if (kind === 'P2P') await site.addP2p(name, (await site.startCamera(name, url)).invite);
    else await site.json<Camera>('POST', '/api/v1/cameras', { name, source: { kind: 'rtsp', url } });
  }
  await site.until(
    () => site.json<Camera[]>('GET', '/api/v1/cameras'),
    (cameras) => cameras.every((camera) => camera.recording),
    120_000,
  );
  return { name: `Keyhole, ${kind}`, pids: [serve.child.pid ?? 0], folder: join(site.dataDir, 'recordings'), close: () => site.close() };
}

function compare(name: string, ours: Figures, rivalName: string, theirs: Figures): BenchRow[] {
  const row = (what: string, unit: string, key: keyof Figures): BenchRow => ({
    name: `${name}: ${what}`,
    value: ours[key],
    unit,
    against: { name: rivalName, value: theirs[key], ratio: ours[key] / theirs[key] },
  });
  return [
    row('CPU a camera', '% of a core', 'cpu'),
    row('resident memory a camera', 'MiB', 'memory'),
    row('written a camera', 'Mbit/s', 'written'),
  ];
}
