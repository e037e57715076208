import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatReport } from '../../peer/nat/report.ts';
import { Program } from '../fakes/program.ts';
import { Coturn } from '../natlab/coturn.ts';
import { SERVERS } from '../natlab/internet.ts';
import { Lab } from '../natlab/lab.ts';
import type { Machine } from '../natlab/machine.ts';
import { Miniupnpd, ordinaryAddress } from '../natlab/miniupnpd.ts';
import { laboratoryUnavailable } from '../natlab/namespaces.ts';
import { Programs } from '../natlab/programs.ts';
import { behaviourOf, makeSite, SITE_KINDS, type SiteKind } from '../natlab/sites.ts';

const unavailable = laboratoryUnavailable();
const noMiniupnpd = existsSync('/usr/sbin/miniupnpd') ? null : 'miniupnpd is not installed';

const CLASSICAL: Readonly<Record<SiteKind, NatReport['classical']>> = {
  'none': 'open',
  'firewall': 'firewall',
  'full-cone': 'full-cone',
  'restricted-cone': 'restricted-cone',
  'port-restricted-cone': 'port-restricted-cone',
  'symmetric': 'symmetric',
  'symmetric-sequential': 'symmetric',
  'address-dependent': 'symmetric',
  'double-nat': 'port-restricted-cone',
  'cgnat': 'port-restricted-cone',
  'symmetric-ipv6': 'symmetric',
  'udp-blocked': 'udp-blocked',
};

describe.skipIf(unavailable !== null)(`keyhole nat, behind real NATs${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let url: string;
  const stun6 = `stun:[${SERVERS.rendezvous6}]:3478`;

  beforeAll(async () => {
    lab = await Lab.start();
    const servers = new Programs(lab);
    ({ url } = await servers.rendezvous());
    await servers.rendezvous({ address: SERVERS.rendezvous6 });
  });
  afterAll(() => lab?.close());

  async function nat(at: Machine, ...args: string[]): Promise<NatReport> {
    const program = new Program(['nat', '--json', ...args], { namespace: at.namespace, env: { KEYHOLE_GATEWAY: 'on' } });
    expect(await program.exited, program.log).toBe(0);
    return JSON.parse(program.output) as NatReport;
  }

  it.concurrent.each(SITE_KINDS)('tells %s', async (kind) => {
    const { host } = await makeSite(lab, kind, kind);
    const report = await nat(host, '--rendezvous', url, '--stun', stun6);
    const behaviour = behaviourOf(kind);
    const about = JSON.stringify(report);
    expect(report.classical, about).toBe(CLASSICAL[kind]);
    expect(report.ipv6, about).toBe(kind === 'symmetric-ipv6');
    expect([report.cgnat, report.portMapping], about).toEqual([false, null]);
    if (!behaviour) return expect(report, about).toMatchObject({ udpBlocked: true, mapping: 'unknown', publicAddress: null });
    const { mapping, filtering, preservesPort, sequential } = behaviour;
    const allocation = preservesPort ? 'preserved' : sequential ? 'sequential' : 'random';
    expect(report, about).toMatchObject({ mapping, filtering, allocation, udpBlocked: false });
    expect(report.publicAddress === host.address, about).toBe(mapping === 'none');
    expect(report.notes, about).toEqual([]);
  });

  it.concurrent('measures how long an unused mapping lives', async () => {
    const { host, routers } = await makeSite(lab, 'port-restricted-cone', 'short');
    await routers[0]?.sh('cd /proc/sys/net/netfilter; echo 15 >nf_conntrack_udp_timeout; echo 15 >nf_conntrack_udp_timeout_stream');
    const report = await nat(host, '--rendezvous', url, '--lifetime');
    expect(report.mappingLifetimeS).toBe(10);
    expect(report.notes).toEqual(['An unused mapping lives between 10 and 20 s.']);
  });

  it.concurrent('finds two hosts behind one hairpin, and a table for people', async () => {
    const router = await lab.router('hairpin', { kind: 'full-cone', hairpin: true });
    const host = await lab.host('hairpin-host', router);
    expect((await nat(host, '--rendezvous', url)).hairpin).toBe(true);
    const program = new Program(['nat', '--rendezvous', url], { namespace: host.namespace });
    expect(await program.exited).toBe(0);
    expect(program.output).toMatch(/Also called +full cone\nPublic address +198\.51\.100\.\d+\n/);
    expect(program.output).toMatch(new RegExp(`${host.address}:\\d+ +203\\.0\\.113\\.1:3478 +198\\.51\\.100\\.\\d+:\\d+`));
    expect(program.output).toContain('How a camera elsewhere will be reached');
  });

  it.skipIf(noMiniupnpd !== null)(
    'tells a port that the router opens, and one that would lead nowhere as another NAT stands behind',
    { concurrent: true },
    async () => {
      const router = await lab.router('opening', { kind: 'symmetric' }, { address: ordinaryAddress() });
      await Miniupnpd.start(lab, router);
      const opened = await nat(await lab.host('opening-host', router), '--rendezvous', url);
      const { address } = router.uplink;
      expect(opened).toMatchObject({ classical: 'symmetric', portMapping: 'pcp', cgnat: false, publicAddress: address });
      expect(opened.portMappings.map(({ answers, external }) => [answers, external])).toEqual(Array(3).fill([true, address]));
      expect(await router.sh('nft list chain inet upnp prerouting_miniupnpd')).not.toContain('dnat');

      const { host, routers } = await makeSite(lab, 'cgnat', 'shared');
      if (!routers[0]) throw new Error('no router');
      await Miniupnpd.start(lab, routers[0]);
      const shared = await nat(host, '--rendezvous', url);
      expect(shared).toMatchObject({ classical: 'port-restricted-cone', portMapping: null, cgnat: true });
      expect(shared.notes.join()).toContain('another NAT stands behind it');
    },
  );

  it.concurrent('asks coturn as well', async () => {
    const coturn = await Coturn.start(lab);
    const { host } = await makeSite(lab, 'restricted-cone', 'coturn');
    const report = await nat(host, '--stun', `stun:${coturn.stun}`, '--no-port-mapping');
    expect(report, JSON.stringify(report)).toMatchObject({
      classical: 'restricted-cone',
      allocation: 'preserved',
      notes: [],
      portMappings: [],
    });
  });

  it.concurrent('says with which code it could not ask anybody', async () => {
    const { host } = await makeSite(lab, 'none', 'alone');
    const program = new Program(['nat', '--rendezvous', 'ws://203.0.113.77:1'], { namespace: host.namespace });
    expect(await program.exited).toBe(1);
    expect(program.log).toMatch(/^keyhole nat: The rendezvous ws:\/\/203\.0\.113\.77:1 /m);
    for (const args of [
      ['nat'],
      ['nat', '--stun', 'http://x'],
      ['nat', '--rendezvous', 'http://x'],
      ['nat', ...Array(5).fill('--stun=stun:a')],
    ]) {
      const refused = new Program(args as string[]);
      expect(await refused.exited, args.join(' ')).toBe(2);
    }
  });
});
