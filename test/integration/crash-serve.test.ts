import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Recordings } from '../../electron/contract/model.ts';
import { Site } from '../fakes/site.ts';

let site: Site | undefined;
afterEach(() => site?.close());

const KILLS = 3;
/** What a kill may cost (docs/storage.md). */
const MAX_LOST_MS = 2000;

it('kill -9 of the whole app while a peer-to-peer camera records: at most 2 s are missing, and the rest plays', async () => {
  site = new Site();
  const running = site;
  await running.startRendezvous();
  await running.startServe();
  const { invite } = await running.startCamera('Yard', 'test:?fps=15');
  const { id } = await running.addP2p('Yard', invite);
  const recordings = (from: number, to: number) => running.json<Recordings>('GET', `/api/v1/recordings?camera=${id}&from=${from}&to=${to}`);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await running.live(id, 60_000);
    const started = Date.now();
    await running.until(
      () => recordings(started, Date.now()),
      ({ spans }) => spans.some(({ from, to }) => to - from > 3000),
    );
    const lastFrame = Number((await running.camera(id)).lastFrameAt);
    await running.serve?.kill();
    await running.startServe();
    const after = await recordings(started, Date.now());
    const end = Math.max(...after.spans.map(({ to }) => to));
    expect(lastFrame - end).toBeLessThan(MAX_LOST_MS);
    expect(after.gaps.at(-1)?.reason).toMatch(/app-not-running|connecting|future/);

    const clip = await fetch(new URL(`/api/v1/clip.mp4?camera=${id}&from=${started}&to=${end}`, running.url), {
      headers: { authorization: `Bearer ${running.token}` },
    });
    const file = join(running.dir, 'clip.mp4');
    writeFileSync(file, new Uint8Array(await clip.arrayBuffer()));
    const decoded = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
    expect(decoded).toMatchObject({ status: 0, stderr: '' });
  }
}, 180_000);
