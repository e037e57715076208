import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Recordings, Segment } from '../../electron/contract/model.ts';
import { streamsOf } from '../fakes/ffmpeg.ts';
import { Site } from '../fakes/site.ts';

/** The main job by script: real programs, real peers, what a user's own tools see at the end. */

let site: Site | undefined;
afterEach(() => site?.close());

it('a camera with sound, from its invite to a clip that other programs play', async () => {
  site = new Site();
  const running = site;
  await running.startRendezvous();
  await running.startServe();
  const { invite, program } = await running.startCamera('Yard', 'test:?fps=15&audio=1');
  const { id } = await running.addP2p('Yard', invite);
  const live = await running.live(id);
  const session = await program.event('session');
  expect(session.path).toBe('host');
  const peer = live.source.kind === 'p2p' ? live.source.fingerprint : '';
  expect(await running.serve?.event('session')).toMatchObject({ camera: id, peer, path: 'host' });
  expect(live.path?.kind).toBe('host');
  expect(live.video).toMatchObject({ codec: 'h264', width: 640, height: 360 });

  // A viewer begins with the camera's last keyframe, which may be older than its being added.
  const began = live.createdAt - 60_000;
  const recorded = await running.until(
    () => running.json<Recordings>('GET', `/api/v1/recordings?camera=${id}&from=${began}&to=${Date.now()}`),
    ({ spans }) => spans.some(({ from, to }) => to - from > 5000),
  );
  // Spans and gaps tile the range exactly.
  const tiles = [...recorded.spans, ...recorded.gaps].sort((a, b) => a.from - b.from);
  expect(tiles[0]?.from).toBe(began);
  tiles.slice(1).forEach((tile, index) => expect(tile.from).toBe(tiles[index]?.to));
  expect(recorded.gaps.map(({ reason }) => reason)).toContain('not-added-yet');

  const { from, to } = recorded.spans[0]!;
  const bytesOf = async (path: string) => {
    const response = await fetch(new URL(path, running.url), { headers: { authorization: `Bearer ${running.token}` } });
    expect(response.status).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  };
  const file = join(running.dir, 'clip.mp4');
  writeFileSync(file, await bytesOf(`/api/v1/clip.mp4?camera=${id}&from=${from}&to=${to}`));
  const streams = streamsOf(file);
  expect(streams.map(({ codec }) => codec)).toEqual(['h264', 'opus']);
  for (const { seconds } of streams) expect(Math.abs(seconds - (to - from) / 1000)).toBeLessThan(2.5);
  expect(spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  });

  const segments = await running.json<Segment[]>('GET', `/api/v1/segments?camera=${id}&from=${from}&to=${to}`);
  expect(segments.at(-1)).toMatchObject({ open: true, camera: id });
  expect([...(await bytesOf(`/api/v1/frame.jpg?camera=${id}&at=now`)).subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  const metrics = (await running.request('GET', '/metrics')).text;
  expect(metrics).toContain(`keyhole_camera_recording{camera="${id}"} 1`);
  expect(metrics).not.toContain('Yard');
}, 90_000);
