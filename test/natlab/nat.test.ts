import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from './host.ts';
import { SERVERS } from './internet.ts';
import { Lab } from './lab.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import { punchable } from './matrix.ts';
import type { RouterPlan } from './router.ts';
import { hairpin, observe, punch, Reflectors } from './probe.ts';
import { behaviourOf, makeSite, SITE_KINDS, type Site, type SiteKind } from './sites.ts';

const unavailable = laboratoryUnavailable();

describe.skipIf(unavailable !== null)(`each NAT behaves as it is named${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let reflectors: Reflectors;
  const sites = new Map<SiteKind, Site>();
  const site = (kind: SiteKind) => sites.get(kind) as Site;

  beforeAll(async () => {
    lab = await Lab.start();
    reflectors = await Reflectors.start(lab.internet);
    for (const kind of SITE_KINDS) sites.set(kind, await makeSite(lab, kind, kind));
  });
  afterAll(() => lab?.close());

  const withUdp = SITE_KINDS.filter((kind) => behaviourOf(kind) !== null);
  it.each(withUdp)('%s: mapping, filtering, ports', async (kind) => {
    const { host } = site(kind);
    const { ports, ...seen } = (await observe(await host.agent(), host.address, reflectors)) ?? { ports: [] };
    // Hosts with their own addresses use one free port after another: only translation makes an order of ports meaningful.
    const { sequential, ...expected } = behaviourOf(kind) as NonNullable<ReturnType<typeof behaviourOf>>;
    expect(seen, `ports ${ports.join(' ')}`).toMatchObject(expected);
    if (!expected.preservesPort) expect(seen, `ports ${ports.join(' ')}`).toMatchObject({ sequential });
  });

  // Two ends' sites of each kind, since a host does not meet itself.
  it.each(withUdp)('%s: who is reached by plain hole punching, as the matrix has it', async (kind) => {
    const { host } = await makeSite(lab, kind, `far-${kind}`);
    const agent = await host.agent();
    const reached = withUdp.map(async (other) => [other, await punch(agent, await site(other).host.agent(), reflectors)] as const);
    expect(Object.fromEntries(await Promise.all(reached))).toEqual(
      Object.fromEntries(withUdp.map((other) => [other, punchable(kind, other)])),
    );
  });

  it('symmetric-sequential steps by 256, as byte order has it', async () => {
    const { ports = [] } = (await observe(await site('symmetric-sequential').host.agent(), '', reflectors)) ?? {};
    expect(ports.slice(1).map((port, index) => port - (ports[index] ?? 0))).toEqual(Array(ports.length - 1).fill(256));
  });

  it('udp-blocked lets nothing out but TCP to 443', async () => {
    const agent = await site('udp-blocked').host.agent();
    expect(await observe(agent, '', reflectors)).toBeNull();
    const server = await lab.internet.agent();
    for (const port of [443, 444]) await server.listen({ address: SERVERS.rendezvous, port });
    const outside = await site('none').host.agent();
    expect(await outside.tcp({ address: SERVERS.rendezvous, port: 444 })).toBe(true);
    expect(await agent.tcp({ address: SERVERS.rendezvous, port: 443 })).toBe(true);
    expect(await agent.tcp({ address: SERVERS.rendezvous, port: 444 })).toBe(false);
  });

  it.each(['double-nat', 'cgnat'] as const)('%s translates twice', async (kind) => {
    const { host, routers } = site(kind);
    const socket = await (await host.agent()).udp();
    const mapped = await reflectors.mapped(socket);
    const [inner, outer] = routers;
    expect(mapped?.address).toBe(outer?.uplink.address);
    const translated = await outer?.sh(
      `conntrack -L -p udp --orig-src ${inner?.uplink.address} --orig-port-src ${socket.port} 2>/dev/null`,
    );
    expect(translated).toContain(`src=${inner?.uplink.address} dst=${SERVERS.rendezvous} sport=${socket.port}`);
    expect(inner?.uplink.address).toMatch(kind === 'cgnat' ? /^100\.64\./ : /^10\./);
  });

  it('a packet that comes before its time leaves no trace', async () => {
    const { host } = site('port-restricted-cone');
    const socket = await (await host.agent()).udp();
    const to = await reflectors.mapped(socket);
    if (!to) throw new Error('no way out');
    await reflectors.otherBoth.socket.send(to, 'too early');
    expect(await reflectors.mapped(socket, reflectors.otherBoth)).toEqual(to);
  });

  it('IPv6 is not translated, and let in only as an answer', async () => {
    const { host, routers } = site('symmetric-ipv6');
    const own = `${routers[0]?.uplink.prefix6}::10`;
    const out = await (await host.agent()).udp({ address: '::' });
    const far = await (await lab.internet.agent()).udp({ address: SERVERS.rendezvous6 });
    const stranger = await (await lab.internet.agent()).udp({ address: SERVERS.alternate6 });
    await out.send({ address: SERVERS.rendezvous6, port: far.port }, 'out');
    const seen = await far.receive();
    expect(seen?.from).toEqual({ address: own, port: out.port });
    await stranger.send({ address: own, port: out.port }, 'unasked');
    await far.send({ address: own, port: out.port }, 'answer');
    expect((await out.receive(({ text }) => text === 'answer'))?.text).toBe('answer');
    expect(await out.receive(({ text }) => text === 'unasked', 50)).toBeNull();
  });

  it('has no IPv6 where it is not said', async () => {
    expect(await site('full-cone').host.sh('ip -6 address show')).toBe('');
  });

  describe('two hosts behind one', () => {
    const pair = async (name: string, plan: RouterPlan): Promise<[Host, Host]> => {
      const router = await lab.router(name, plan);
      return [await lab.host(`${name}-1`, router), await lab.host(`${name}-2`, router)];
    };
    const direct = async ([one, other]: [Host, Host]) => {
      const here = await (await other.agent()).udp();
      await (await (await one.agent()).udp()).send({ address: other.address, port: here.port }, 'direct');
      return (await here.receive(() => true, 300)) !== null;
    };

    it.each(['full-cone', 'restricted-cone', 'port-restricted-cone'] as const)(
      '%s with hairpin: by their public endpoints',
      async (kind) => {
        const hosts = await pair(`hairpin-${kind}`, { kind, hairpin: true, isolated: true });
        const [one, other] = [await hosts[0].agent(), await hosts[1].agent()];
        expect(await direct(hosts)).toBe(false);
        const came = await hairpin(one, other, reflectors);
        expect(came?.packet.from).toEqual(came?.expected);
        const seen = await observe(one, hosts[0].address, reflectors);
        expect(seen).toMatchObject(behaviourOf(kind) ?? {});
      },
    );

    it('without hairpin: not by their public endpoints, but on their LAN', async () => {
      const hosts = await pair('no-hairpin', { kind: 'full-cone' });
      expect(await hairpin(await hosts[0].agent(), await hosts[1].agent(), reflectors)).toBeNull();
      expect(await direct(hosts)).toBe(true);
    });

    it('without hairpin and isolated: not at all', async () => {
      const hosts = await pair('isolated', { kind: 'port-restricted-cone', isolated: true });
      expect(await hairpin(await hosts[0].agent(), await hosts[1].agent(), reflectors)).toBeNull();
      expect(await direct(hosts)).toBe(false);
    });
  });
});
