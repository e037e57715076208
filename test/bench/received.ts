import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Site } from '../fakes/site.ts';
import { startRtspServer } from '../fakes/rtsp-server.ts';
import { benchClip } from './clip.ts';
import { cpuDuring } from './cpu.ts';
import type { BenchRow } from './row.ts';

const CAMERAS = 4;
const SECONDS = 20;

/** CPU per camera received and recorded, against a bare `ffmpeg -c copy` of the same streams at the same time. */
export async function run(): Promise<BenchRow[]> {
  const site = new Site();
  const clip = await benchClip(site.dir);
  const server = await startRtspServer({ file: clip.file });
  try {
    return [...(await measure('P2P', server.url, clip.name)), ...(await measure('RTSP', server.url, clip.name))];
  } finally {
    await server.close();
    await site.close();
  }
}

async function measure(kind: 'P2P' | 'RTSP', url: string, stream: string): Promise<BenchRow[]> {
  const site = new Site();
  const bare: ReturnType<typeof spawn>[] = [];
  try {
    await site.startRendezvous();
    const serve = await site.startServe();
    const senders: number[] = [];
    const ids: string[] = [];
    for (let index = 0; index < CAMERAS; index += 1) {
      if (kind === 'P2P') {
        const { program, invite } = await site.startCamera(`Camera ${index}`, url);
        senders.push(program.child.pid ?? 0);
        ids.push((await site.addP2p(`Camera ${index}`, invite)).id);
      } else {
        // The query makes each a camera of its own to us; the server ignores it.
        const source = { kind: 'rtsp', url: `${url}?camera=${index}` };
        ids.push((await site.json<{ id: string }>('POST', '/api/v1/cameras', { name: `Camera ${index}`, source })).id);
      }
    }
    for (const id of ids) {
      await site.live(id);
      await site.until(
        () => site.camera(id),
        (camera) => camera.recording,
      );
      bare.push(spawnBare(url, join(site.dir, `bare-${id}`)));
    }
    await sleep(4000);
    const ours = serve.child.pid ?? 0;
    const rivals = bare.map((child) => child.pid ?? 0);
    const used = await cpuDuring([ours, ...rivals, ...senders], () => sleep(SECONDS * 1000));
    const percent = (seconds: number) => (seconds / SECONDS / CAMERAS) * 100;
    const app = percent(used[0] ?? NaN);
    const bareCpu = percent(sum(used.slice(1, 1 + CAMERAS)));
    const row = (name: string, value: number): BenchRow => ({
      name,
      value,
      unit: '% of a core',
      against: { name: 'bare ffmpeg -c copy of the same RTSP stream', value: bareCpu, ratio: value / bareCpu },
    });
    const rows = [row(`CPU per ${kind} camera received and recorded (${CAMERAS} x ${stream})`, app)];
    if (kind === 'P2P') rows.push(row(`CPU per camera at the camera's side (${stream})`, percent(sum(used.slice(1 + CAMERAS)))));
    return rows;
  } finally {
    for (const child of bare) child.kill('SIGKILL');
    await site.close();
  }
}

function spawnBare(url: string, prefix: string) {
  const segments = [
    '-f',
    'segment',
    '-segment_time',
    '60',
    '-segment_format_options',
    'movflags=frag_keyframe+empty_moov',
    `${prefix}-%03d.mp4`,
  ];
  return spawn('ffmpeg', ['-nostdin', '-loglevel', 'error', '-rtsp_transport', 'tcp', '-i', url, '-c', 'copy', ...segments], {
    stdio: 'ignore',
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
