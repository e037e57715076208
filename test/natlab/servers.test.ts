import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentSocket } from './agent.ts';
import { Coturn, type TurnWay } from './coturn.ts';
import type { Host } from './host.ts';
import { SERVERS } from './internet.ts';
import { Lab } from './lab.ts';
import { Miniupnpd, ordinaryAddress } from './miniupnpd.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import { Reflectors } from './probe.ts';
import type { Router } from './router.ts';
import { behaviourOf, makeSite, type Site, type SiteKind } from './sites.ts';

const unavailable = laboratoryUnavailable();
const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

describe.skipIf(unavailable !== null)(`coturn in the laboratory${skipped}`, () => {
  const KINDS: readonly SiteKind[] = ['full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric', 'address-dependent', 'cgnat'];
  let lab: Lab;
  let coturn: Coturn;
  let sites: readonly Site[];
  let blocked: Host;

  beforeAll(async () => {
    lab = await Lab.start();
    coturn = await Coturn.start(lab);
    sites = await Promise.all(KINDS.map((kind) => makeSite(lab, kind, kind)));
    blocked = (await makeSite(lab, 'udp-blocked', 'blocked')).host;
  });
  afterAll(() => lab?.close());

  it('its own client says of each NAT what the laboratory says', async () => {
    const verdict = async ({ host }: Site) => {
      const text = await host.sh(`turnutils_natdiscovery -m -f ${SERVERS.relay} 2>&1`);
      const said = (what: string) => new RegExp(`NAT with (.*) ${what}!`).exec(text)?.[1]?.toLowerCase();
      return { mapping: said('Mapping'), filtering: said('Filtering') };
    };
    const spoken = (words = '') => words.replaceAll('-', ' ');
    const expected = KINDS.map((kind) => ({
      mapping: spoken(behaviourOf(kind)?.mapping),
      filtering: spoken(behaviourOf(kind)?.filtering),
    }));
    expect(await Promise.all(sites.map(verdict))).toEqual(expected);
  });

  it('relays over UDP, TCP and TLS to whom its secret was used for, over 443 also from where UDP is blocked', async () => {
    const relays = async (host: Host, way: TurnWay, flags: string, password?: string) => {
      const { username, credential } = coturn.access(way);
      const client = `turnutils_uclient -u '${username}' -w '${password ?? credential}' -y -n 3 -m 1 ${flags} ${SERVERS.relay} 2>&1`;
      const text = await host.sh(`timeout 20 ${client} || true`);
      return Number(/tot_recv_msgs=(\d+)\n.*tot_send_bytes/.exec(text)?.[1] ?? 0) > 0;
    };
    const [site] = sites;
    if (!site) throw new Error('no site');
    const asked = [
      relays(site.host, 'udp', ''),
      relays(site.host, 'tcp', '-t'),
      relays(blocked, 'tcp-443', '-t -p 443'),
      relays(blocked, 'tls-443', '-t -S -p 443'),
      relays(site.host, 'udp', '', 'wrong'),
      (await blocked.agent()).tcp({ address: SERVERS.relay, port: 3478 }),
    ];
    expect(await Promise.all(asked)).toEqual([true, true, true, true, false, false]);
  });

  it('gives its access as one word, for a flag', () => {
    const { username, credential } = coturn.access('tls-443');
    const [, user = '', password = ''] = /^turns:([^:@]+):([^:@]+)@203\.0\.113\.3:443\?transport=tcp$/.exec(coturn.flag('tls-443')) ?? [];
    expect([decodeURIComponent(user), decodeURIComponent(password)]).toEqual([username, credential]);
  });
});

describe.skipIf(unavailable !== null)(`miniupnpd in the laboratory${skipped}`, () => {
  let lab: Lab;
  let reflectors: Reflectors;
  let router: Router;
  let host: Host;

  beforeAll(async () => {
    lab = await Lab.start();
    reflectors = await Reflectors.start(lab.internet);
    router = await lab.router('router', { kind: 'symmetric' }, { address: ordinaryAddress() });
    host = await lab.host('host', router);
  });
  afterAll(() => lab?.close());

  /** RFC 6886 §3.3: asks for a UDP mapping of `socket`. @returns result code and public port */
  const map = async (socket: AgentSocket, gateway: string): Promise<{ result: number; port: number }> => {
    const asking = await (await host.agent()).udp();
    const request = Buffer.alloc(12);
    request.writeUInt8(1, 1);
    request.writeUInt16BE(socket.port, 4);
    request.writeUInt16BE(socket.port ^ 1, 6);
    request.writeUInt32BE(120, 8);
    await asking.send({ address: gateway, port: 5351 }, request.toString('latin1'));
    const answer = Buffer.from((await asking.receive())?.text ?? '', 'latin1');
    if (answer.length < 12) throw new Error('no answer');
    return { result: answer.readUInt16BE(2), port: answer.readUInt16BE(10) };
  };

  it('maps a port, by which then everybody reaches a host behind a symmetric NAT', async () => {
    const miniupnpd = await Miniupnpd.start(lab, router);
    const socket = await (await host.agent()).udp();
    const { main, otherPort, otherBoth } = reflectors;
    await reflectors.mapped(socket);
    const { result, port } = await map(socket, router.gateway);
    expect([result, port]).toEqual([0, socket.port ^ 1]);
    expect(await reflectors.reaching(socket, { address: router.uplink.address, port }, [otherBoth, otherPort, main])).toEqual([
      true,
      true,
      true,
    ]);
    expect((await (await host.agent()).fetch(miniupnpd.url)).text).toContain('InternetGatewayDevice');
    await miniupnpd.stop();
  });

  it('refuses where its own address is none of the internet', async () => {
    const inner = await lab.router(
      'inner',
      { kind: 'port-restricted-cone' },
      { behind: await lab.router('outer', { kind: 'full-cone', lan: '100.64.0' }) },
    );
    await Miniupnpd.start(lab, inner);
    await host.move(inner);
    const socket = await (await host.agent()).udp();
    expect((await map(socket, inner.gateway)).result).not.toBe(0);
    await host.move(router);
  });
});
