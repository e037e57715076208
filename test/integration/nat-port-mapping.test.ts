import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Program } from '../fakes/program.ts';
import type { Host } from '../natlab/host.ts';
import { SERVERS } from '../natlab/internet.ts';
import { Lab } from '../natlab/lab.ts';
import { Miniupnpd, ordinaryAddress } from '../natlab/miniupnpd.ts';
import { laboratoryUnavailable } from '../natlab/namespaces.ts';
import type { Router } from '../natlab/router.ts';

const unavailable = laboratoryUnavailable() ?? (existsSync('/usr/sbin/miniupnpd') ? null : 'miniupnpd is not installed');
const SIDE = fileURLToPath(new URL('./nat-map-side.ts', import.meta.url));
const PORT = 40_000;

/** The ports that a router's daemon passes on now, as the kernel has them: `public>address:port`. */
async function passedOn(router: Router): Promise<string[]> {
  const rules = await router.sh('nft list chain inet upnp prerouting_miniupnpd');
  return [...rules.matchAll(/dport (\d+).*?dnat ip to ([\d.]+:\d+)/g)].map(([, port, to]) => `${port}>${to}`);
}

describe.skipIf(unavailable !== null)(`a real gateway${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let router: Router;
  let host: Host;
  let neighbour: Host;
  let daemon: Miniupnpd;
  const address = ordinaryAddress();
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    lab = await Lab.start();
    router = await lab.router('router', { kind: 'symmetric' }, { address });
    host = await lab.host('host', router);
    neighbour = await lab.host('neighbour', router);
    daemon = await Miniupnpd.start(lab, router);
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await daemon?.stop();
    await lab?.close();
  });

  function side(protocol: string, at = host): Program {
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', SIDE];
    const program = new Program([protocol, String(PORT)], { command, namespace: at.namespace, env: { KEYHOLE_GATEWAY: 'on' } });
    closers.push(() => end(program));
    return program;
  }
  const end = (program: Program) => (program.child.stdin?.end(), program.exited);

  it.each(['pcp', 'nat-pmp', 'upnp'])('passes a port on by %s, from behind a symmetric NAT, and takes it back', async (protocol) => {
    const program = side(protocol);
    const mapped = await program.event('mapped');
    expect(mapped).toMatchObject({ protocol, externalAddress: address, localAddress: host.address });
    expect(mapped.lifetimeS).toBeGreaterThan(0);
    expect(await passedOn(router)).toEqual([`${String(mapped.externalPort)}>${host.address}:${PORT}`]);
    const stranger = await (await lab.internet.agent()).udp({ address: SERVERS.relay });
    await stranger.send({ address, port: Number(mapped.externalPort) }, 'from afar');
    expect(await program.event('heard')).toMatchObject({ text: 'from afar' });
    expect(await end(program)).toBe(0);
    expect(await passedOn(router)).toEqual([]);
  });

  it.each(['pcp', 'upnp'])('gives another public port when a neighbour has the same one already: %s', async (protocol) => {
    const [one, other] = [side(protocol), side(protocol, neighbour)];
    const ports = [await one.event('mapped'), await other.event('mapped')].map(({ externalPort }) => externalPort);
    expect(new Set(ports).size).toBe(2);
    expect(await passedOn(router)).toHaveLength(2);
  });

  it('that maps nothing, as its own address is not public, gives none; and says what it speaks', async () => {
    const poor = await lab.router('poor', { kind: 'port-restricted-cone', lan: '192.168.7' });
    const poorDaemon = await Miniupnpd.start(lab, poor);
    closers.push(() => poorDaemon.stop());
    const poorHost = await lab.host('poor-host', poor);
    for (const protocol of ['pcp', 'nat-pmp', 'upnp']) {
      const program = side(protocol, poorHost);
      expect(await program.event('findings')).toMatchObject({ findings: [{ protocol, answers: true, external: null }] });
      await program.event('none');
      await end(program);
    }
    expect(await passedOn(poor)).toEqual([]);
  });

  it('without any such protocol gives none, soon', async () => {
    const plain = await lab.router('plain', { kind: 'port-restricted-cone', lan: '192.168.8' });
    const plainHost = await lab.host('plain-host', plain);
    for (const protocol of ['pcp', 'nat-pmp', 'upnp']) {
      const program = side(protocol, plainHost);
      expect(await program.event('findings')).toMatchObject({ findings: [{ protocol, answers: false, error: 'it does not answer' }] });
      await program.event('none');
      await end(program);
    }
  });
});
