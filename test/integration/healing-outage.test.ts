import { afterEach, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import type { Recordings, Segment } from '../../electron/contract/model.ts';
import { namespacesUnavailable, TwoHosts } from '../fakes/network.ts';
import { Site } from '../fakes/site.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function begin(site: Site): Promise<{ id: string; whole: (from: number, to: number) => Promise<Recordings> }> {
  closers.push(() => site.close());
  await site.startRendezvous();
  await site.startServe();
  const { invite } = await site.startCamera('Yard', 'test:?size=320x180&fps=10&audio=1', '--spool', join(site.dir, 'spool'));
  const { id } = await site.addP2p('Yard', invite);
  await site.live(id, 60_000);
  await site.until(
    () => site.camera(id),
    ({ recording }) => recording,
  );
  const whole = (from: number, to: number) =>
    site.until(
      () => site.json<Recordings>('GET', `/api/v1/recordings?camera=${id}&from=${from}&to=${to}`),
      ({ gaps }) => gaps.length === 0,
      240_000,
    );
  return { id, whole };
}

describe('an outage heals by itself', () => {
  const why = namespacesUnavailable();
  it.skipIf(why !== null)(
    `when the wire was pulled for half a minute${why ? ` (${why})` : ''}`,
    async () => {
      const hosts = new TwoHosts();
      closers.push(() => hosts.close());
      await hosts.start();
      const site = new Site(hosts);
      const { id, whole } = await begin(site);
      await pause(5_000);
      const from = Date.now();
      await hosts.cut();
      await pause(30_000);
      await hosts.mend();
      await site.live(id, 60_000);
      await pause(3_000);
      const to = Date.now();
      const { healed } = await whole(from - 2_000, to);
      const ms = healed.reduce((sum, span) => sum + span.to - span.from, 0);
      expect(ms).toBeGreaterThan(24_000);
      expect(ms).toBeLessThan(to - from + 4_000);
      const segments = await site.json<Segment[]>('GET', `/api/v1/segments?camera=${id}&from=${from}&to=${to}`);
      expect(segments.filter(({ origin }) => origin === 'healed').every(({ codec }) => codec.includes('opus'))).toBe(true);
    },
    400_000,
  );

  it('when the app was killed and came back', async () => {
    const site = new Site();
    const { id, whole } = await begin(site);
    await pause(5_000);
    const from = Date.now();
    await site.serve?.kill();
    await pause(20_000);
    await site.startServe();
    await site.live(id, 60_000);
    const to = Date.now();
    const { healed } = await whole(from - 4_000, to);
    expect(healed.reduce((sum, span) => sum + span.to - span.from, 0)).toBeGreaterThan(18_000);
  }, 400_000);
});
