import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import type { LiveItem } from '../../electron/contract/api.ts';
import type { CameraId } from '../../electron/contract/model.ts';
import { ContractPage } from '../fakes/contract-page.ts';
import { rtspServerUnavailable, startRtspServer, type RtspServer } from '../fakes/rtsp-server.ts';
import { Site } from '../fakes/site.ts';

const unavailable = rtspServerUnavailable();
const CREDIT = 8;
/** Frames to be left out before the slow pages go on: at 64 Mbit/s ten times what may wait for them. */
const LEFT_OUT = 500;

type Frame = LiveItem & { kind: 'frame' };

/** What comes of a live stream. `taken`: what to wait for before another frame is granted. */
function watch(page: ContractPage, camera: CameraId, credit: number, taken: () => Promise<void> | undefined = () => undefined): Frame[] {
  const frames: Frame[] = [];
  const item = (value: LiveItem) => {
    if (value.kind === 'frame') frames.push(value);
    return taken();
  };
  page.client.open('live', { camera }, { item }, credit);
  return frames;
}

let site: Site;
const servers: RtspServer[] = [];
let heavy: CameraId;
let light: CameraId;

async function camera(name: string, size: string, fps: number, bitrate: string): Promise<CameraId> {
  const file = join(site.dir, `${name}.mp4`);
  const picture = `testsrc2=size=${size}:rate=${fps},noise=alls=40:allf=t`;
  const encode = `-c:v libx264 -preset ultrafast -g ${fps} -bf 0 -b:v ${bitrate} -minrate ${bitrate} -pix_fmt yuv420p`.split(' ');
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', picture, '-t', '4', ...encode, file]);
  const server = await startRtspServer({ file, seconds: 120 });
  servers.push(server);
  const { id } = await site.json<{ id: string }>('POST', '/api/v1/cameras', { name, source: { kind: 'rtsp', url: server.url } });
  await site.live(id);
  await site.until(
    () => site.camera(id),
    ({ recording }) => recording,
  );
  return id;
}

beforeAll(async () => {
  if (unavailable) return;
  site = new Site();
  await site.startServe();
  heavy = await camera('Heavy', '1280x720', 25, '64M');
  light = await camera('Light', '320x180', 10, '200k');
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await site?.close();
});

const leftOut = async (): Promise<number> => {
  const { text } = await site.request('GET', '/metrics');
  return Number(new RegExp(`keyhole_camera_reader_drops_total\\{camera="${heavy}"\\} (\\d+)`).exec(text)?.[1] ?? NaN);
};

function residentBytes(): number {
  const status = readFileSync(`/proc/${site.serve?.child.pid}/status`, 'latin1');
  return Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? NaN) * 1024;
}

/** The first frame after others were left out, once it and a second's more are there. */
async function resumed(frames: readonly Frame[]): Promise<{ last: Frame; first: Frame; rest: readonly Frame[] }> {
  const at = () => frames.findIndex(({ dropped }) => dropped > 0);
  await expect.poll(() => at() > 0 && frames.length > at() + 25, { timeout: 20_000 }).toBe(true);
  const [last, first] = [frames[at() - 1], frames[at()]];
  if (!last || !first) throw new Error('nothing was left out');
  return { last, first, rest: frames.slice(at() + 1) };
}

it.skipIf(unavailable !== null)(
  'pages that take nothing cost no memory, disturb nobody, and go on at a keyframe; sixteen streams at once',
  async () => {
    const [stingy, deaf, good] = [await ContractPage.open(site), await ContractPage.open(site), await ContractPage.open(site)];
    const from = Date.now();
    let resume = () => {};
    const gate = new Promise<void>((resolve) => (resume = resolve));
    const atStingy = watch(stingy, heavy, CREDIT, () => gate);
    const atDeaf = watch(deaf, heavy, CREDIT);
    const atGood = watch(good, heavy, 128);
    const tiles = Array.from({ length: 13 }, () => watch(good, light, 128));
    await expect.poll(() => atDeaf.length, { timeout: 10_000 }).toBeGreaterThan(0);
    // From here on its socket is not read: the kernel's buffers fill, then the host's.
    deaf.socket.pause();

    const already = await leftOut();
    await expect.poll(leftOut, { timeout: 20_000 }).toBeGreaterThan(already);
    const [before, goodBefore] = [residentBytes(), atGood.length];
    await expect.poll(leftOut, { timeout: 50_000, interval: 200 }).toBeGreaterThan(already + LEFT_OUT);
    const grown = residentBytes() - before;
    // Each of both was left to wait for all of it.
    const missed = (atGood.length - goodBefore) * (64e6 / 8 / 25);
    expect(missed).toBeGreaterThan(64e6);
    expect(grown, `grown by ${(grown / 1e6).toFixed(0)} MB while ${(missed / 1e6).toFixed(0)} MB were not taken`).toBeLessThan(missed / 2);
    // The configuration took one credit, and one stays for another.
    expect(atStingy.length).toBeLessThan(CREDIT);

    resume();
    deaf.socket.resume();
    for (const frames of [atStingy, atDeaf]) {
      const { last, first, rest } = await resumed(frames);
      expect(first.key).toBe(true);
      expect(rest.slice(0, 25).every(({ dropped }) => dropped === 0)).toBe(true);
      await expect.poll(() => (atGood.at(-1)?.at ?? 0) >= first.at).toBe(true);
      expect(atGood.filter(({ at }) => at > last.at && at < first.at)).toHaveLength(first.dropped);
    }

    for (const frames of [atGood, ...tiles]) {
      expect(frames.length).toBeGreaterThan(50);
      expect(frames.every(({ dropped }) => dropped === 0)).toBe(true);
    }
    for (const id of [heavy, light]) {
      const range = { camera: id, from: utcMs(from), to: utcMs(Date.now() - 2000) };
      const { coverage, gaps } = await good.client.call('recordings.query', range);
      expect({ coverage, gaps }).toEqual({ coverage: 1, gaps: [] });
    }
    for (const page of [stingy, deaf, good]) page.client.close();
  },
  120_000,
);
