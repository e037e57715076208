import { afterEach, expect, it } from 'vitest';
import { StunServer } from '../../rendezvous/stun-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { Network } from './network.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it('asks the servers that a rendezvous named, as soon as it names them', async () => {
  const server = new StunServer({ clock: systemClock, log: silentLog, perSecond: 1000 });
  closers.push(() => server.close());
  await server.start('127.0.0.1', 0);
  const network = new Network({ clock: systemClock, log: silentLog, portMapping: () => false, rendezvous: () => [] });
  closers.push(() => network.close());
  const looked = new Promise<void>((resolve) => network.monitor.changed.on(resolve));
  network.named([`stun:127.0.0.1:${server.port}`, 'not a server']);
  await looked;
  const seen = network.monitor.current?.observations.filter(({ mapped }) => mapped !== null);
  expect(seen?.map((one) => one.server)).toContain(`127.0.0.1:${server.port}`);
  expect(network.monitor.current?.udpBlocked).toBe(false);
}, 30_000);

it('asks the router for nothing while it must not', async () => {
  const network = new Network({ clock: systemClock, log: silentLog, portMapping: () => false, rendezvous: () => [] });
  closers.push(() => network.close());
  expect(await network.mapPort(40_000, '192.0.2.7')).toBeNull();
});
