import { afterEach, expect, it } from 'vitest';
import type { Camera, Recordings } from '../../electron/contract/model.ts';
import { namespacesUnavailable, TwoHosts } from '../fakes/network.ts';
import { Site } from '../fakes/site.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function siteWithCamera(hosts?: TwoHosts) {
  const site = new Site(hosts);
  closers.push(() => site.close());
  await site.startRendezvous();
  await site.startServe();
  const { program, invite } = await site.startCamera('Yard', 'test:?fps=10');
  const added = await site.addP2p('Yard', invite);
  const camera = await site.live(added.id);
  return { site, program, camera };
}

const isOut = (camera: Camera) => camera.state !== 'live' && camera.reason !== null;

/** Gaps between the first recorded moment and now. */
async function gapsSince(site: Site, camera: Camera, from: number): Promise<Recordings['gaps']> {
  const query = `camera=${camera.id}&from=${from}&to=${Date.now()}`;
  return (await site.json<Recordings>('GET', `/api/v1/recordings?${query}`)).gaps;
}

it('a camera that was killed and started again comes back by itself, and the gap says why', async () => {
  const { site, program, camera } = await siteWithCamera();
  await site.until(
    () => site.camera(camera.id),
    ({ recording }) => recording,
  );
  const before = Date.now();
  await program.kill();
  const out = await site.until(() => site.camera(camera.id), isOut);
  expect(out.reason?.text).toMatch(/\w+ .*\.$/);
  await site.startCamera('Yard', 'test:?fps=10');
  await site.live(camera.id, 60_000);
  const gaps = await site.until(
    () => gapsSince(site, camera, before - 500),
    (found) => found.some((gap) => gap.reason === 'session-lost' || gap.reason === 'peer-absent'),
  );
  expect(gaps.every((gap) => gap.text.length > 10)).toBe(true);
}, 120_000);

it('a session does not care about the rendezvous; a new one waits for it and then comes by itself', async () => {
  const { site, program, camera } = await siteWithCamera();
  const port = Number(new URL(site.rendezvousUrl).port);
  await site.rendezvous?.stop();
  const { lastFrameAt } = await site.camera(camera.id);
  const later = await site.until(
    () => site.camera(camera.id),
    (now) => Number(now.lastFrameAt) > Number(lastFrameAt) + 2000,
  );
  expect(later.state).toBe('live');
  await program.kill();
  const again = site.run(
    'camera',
    '--source',
    'test:?fps=10',
    '--name',
    'Yard',
    '--rendezvous',
    site.rendezvousUrl,
    '--state',
    `${site.dir}/camera-Yard`,
  );
  await site.until(
    () => site.camera(camera.id),
    (now) => now.reason?.code === 'rendezvous-unreachable',
  );
  await site.startRendezvous(port);
  await site.live(camera.id, 60_000);
  await again.event('session');
}, 180_000);

const unavailable = namespacesUnavailable();
it.skipIf(unavailable !== null)(
  `a network that is gone for 30 s is survived${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  async () => {
    const hosts = new TwoHosts();
    closers.push(() => hosts.close());
    await hosts.start();
    const { site, camera } = await siteWithCamera(hosts);
    await site.until(
      () => site.camera(camera.id),
      ({ recording }) => recording,
    );
    expect(camera.path?.kind).toBe('host');
    const before = Date.now();
    await hosts.cut();
    await site.until(() => site.camera(camera.id), isOut, 20_000);
    // The outage itself lasts this long: a scenario, not a way to wait for something.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, before + 30_000 - Date.now())));
    await hosts.mend();
    await site.live(camera.id, 60_000);
    const gaps = await site.until(
      () => gapsSince(site, camera, before),
      (found) => found.some((gap) => gap.to < Date.now() - 100),
    );
    expect(gaps[0]?.reason).toMatch(/session-lost|rendezvous-unreachable|peer-absent/);
  },
  180_000,
);
