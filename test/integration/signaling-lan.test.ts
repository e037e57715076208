import { afterEach, describe, expect, it } from 'vitest';
import type { Camera } from '../../electron/contract/model.ts';
import { parseInvite } from '../../peer/pairing/invite.ts';
import { ip, namespacesUnavailable, TwoHosts } from '../fakes/network.ts';
import { Site } from '../fakes/site.ts';

/** Two hosts on one wire and no server anywhere: the real programs find each other by multicast DNS. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function twoHosts(): Promise<TwoHosts> {
  const hosts = new TwoHosts();
  closers.push(() => hosts.close());
  await hosts.start();
  // A network of its own on each host, where nobody is: whatever uses only one interface, or the first, fails.
  for (const [index, host] of [hosts.app, hosts.camera].entries()) {
    await ip('-n', host, 'link', 'add', 'aside0', 'type', 'veth', 'peer', 'name', 'aside1');
    await ip('-n', host, 'address', 'add', `10.98.${index}.1/24`, 'dev', 'aside0');
    for (const name of ['aside0', 'aside1']) await ip('-n', host, 'link', 'set', name, 'up');
  }
  return hosts;
}

async function siteOn(hosts: TwoHosts): Promise<Site> {
  const site = new Site(hosts, { lan: true });
  closers.push(() => site.close());
  await site.startServe();
  return site;
}

const unavailable = namespacesUnavailable();
describe.skipIf(unavailable !== null)(`a camera and an app without any server${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  it('pair and show the picture, and find each other again when the camera has begun anew at another port', async () => {
    const site = await siteOn(await twoHosts());
    const { program, invite } = await site.startCamera('Yard', 'test:?fps=10');
    expect(parseInvite(invite).rendezvous).toEqual([]);
    const added = await site.addP2p('Yard', invite);
    const camera = await site.live(added.id);
    expect(camera).toMatchObject({ path: { kind: 'host' }, source: { kind: 'p2p', rendezvous: [] } });

    await program.kill();
    await site.until(
      () => site.camera(camera.id),
      ({ state }) => state !== 'live',
      20_000,
    );
    await site.startCamera('Yard', 'test:?fps=10');
    await site.live(camera.id, 60_000);
  }, 120_000);

  it('pair and show the picture over IPv6 alone', async () => {
    const hosts = await twoHosts();
    for (const [index, host] of [hosts.app, hosts.camera].entries()) {
      for (const name of ['eth0', 'aside0']) await ip('-n', host, '-4', 'address', 'flush', 'dev', name);
      await ip('-n', host, 'address', 'add', `fd00:6b68::${index + 1}/64`, 'dev', 'eth0', 'nodad');
    }
    const site = await siteOn(hosts);
    const { invite } = await site.startCamera('Yard', 'test:?fps=10');
    const added = await site.addP2p('Yard', invite);
    const camera: Camera = await site.live(added.id);
    expect(camera.path).toMatchObject({ kind: 'host', remote: expect.stringContaining('fd00:6b68::2') as string });
  }, 120_000);

  it('do not find each other when the camera keeps off its network', async () => {
    const site = await siteOn(await twoHosts());
    const { invite } = await site.startCamera('Yard', 'test:?fps=10', '--no-lan');
    await expect(site.addP2p('Yard', invite)).rejects.toThrow('not found on this network');
  }, 60_000);
});
