import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { answerBinding } from '../../rendezvous/stun-answer.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedInternet, SimulatedNat, type SimulatedSocket } from '../../test/fakes/simulated-nat.ts';
import { parseStun } from '../stun/message.ts';
import { predictPorts } from './allocation.ts';
import { discoverNat, type DiscoveryOptions } from './discovery.ts';
import type { NatNetwork } from './nat-network.ts';
import type { NatReport } from './report.ts';
import { StunSocket } from './stun-socket.ts';
import { stunServerName } from './stun-url.ts';

const PUBLIC = '198.51.100.1';
const LOCAL = '192.168.0.2';
const [MAIN, OTHER] = ['203.0.113.1', '203.0.113.2'] as const;
const PORTS = [3478, 3479] as const;

let clock: SimulatedClock;
let internet: SimulatedInternet;
beforeEach(() => {
  clock = new SimulatedClock();
  internet = new SimulatedInternet(clock, 1);
});

/** A STUN server at that address; with an other one it speaks all of RFC 5780. */
function stunServer(address: string, other: string | null, extra: { claims?: string } = {}): void {
  const ends = new Map<string, SimulatedSocket>();
  for (const host of other ? [address, other] : [address]) {
    for (const port of PORTS) ends.set(`${host} ${port}`, internet.host(host, port));
  }
  for (const [key, end] of ends) {
    const [host = '', port = ''] = key.split(' ');
    const place = (changeAddress: boolean, changePort: boolean) => {
      const otherHost = host === address ? other : address;
      const otherPort = Number(port) === PORTS[0] ? PORTS[1] : PORTS[0];
      const at = changeAddress ? otherHost : host;
      return at === null ? null : { address: at, port: changePort ? otherPort : Number(port) };
    };
    end.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
      const request = parseStun(bytes);
      const claim = extra.claims ? { address: extra.claims, port: 3479 } : null;
      const origin = (a: boolean, p: boolean) => (a && p && claim ? claim : place(a, p));
      const answer = request && answerBinding(request, from, { discovery: other !== null || claim !== null, origin });
      if (!answer) return;
      const by = place(answer.changeAddress, answer.changePort);
      if (by) ends.get(`${by.address} ${by.port}`)?.send(answer.bytes, answer.port, from.address);
    });
  }
}

function behind(nat: SimulatedNat): NatNetwork {
  return {
    resolve: (host, family) => Promise.resolve(family === 4 ? host : null),
    localAddress: () => Promise.resolve(LOCAL),
    open: () => Promise.resolve(nat.socket().dgram),
    addresses: () => [LOCAL],
  };
}

async function look(network: NatNetwork, options: Partial<DiscoveryOptions> = {}): Promise<NatReport> {
  const servers = [{ host: MAIN, port: PORTS[0] }];
  let done = false;
  const report = discoverNat({ clock, servers, mapper: null, online: true, network, ...options }).finally(() => (done = true));
  while (!done) await clock.advance(50);
  return report;
}

const BEHAVIOURS = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;
const NAMES = {
  'endpoint-independent': 'full-cone',
  'address-dependent': 'restricted-cone',
  'address-and-port-dependent': 'port-restricted-cone',
};

describe('discovery', () => {
  it.each(BEHAVIOURS.flatMap((mapping) => BEHAVIOURS.map((filtering) => [mapping, filtering] as const)))(
    'tells %s mapping and %s filtering',
    async (mapping, filtering) => {
      stunServer(MAIN, OTHER);
      const report = await look(behind(new SimulatedNat(internet, PUBLIC, { mapping, filtering })));
      const classical = mapping === 'endpoint-independent' ? NAMES[filtering] : 'symmetric';
      expect(report).toMatchObject({ mapping, filtering, classical, publicAddress: PUBLIC, udpBlocked: false, ipv6: false, cgnat: false });
      expect(report.notes).toEqual([]);
      expect(report.observations).toHaveLength(3);
      expect(report.observations[0]).toMatchObject({ local: expect.stringContaining(`${LOCAL}:`), server: `${MAIN}:3478` });
    },
  );

  it('tells how ports follow each other, and whether there is a hairpin', async () => {
    stunServer(MAIN, OTHER);
    const kind = { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' } as const;
    const kept = await look(behind(new SimulatedNat(internet, PUBLIC, { ...kind, allocate: (local) => local, hairpin: true })));
    expect(kept).toMatchObject({ allocation: 'preserved', allocationStep: null, hairpin: true });
    let last = 30_000;
    const counting = { allocate: () => (last = predictPorts(last, 256, 1)[0] ?? 0) };
    const counted = await look(behind(new SimulatedNat(internet, PUBLIC, { ...kind, mapping: 'address-and-port-dependent', ...counting })));
    expect(counted).toMatchObject({ allocation: 'sequential', allocationStep: 256, hairpin: false });
    const drawn = await look(behind(new SimulatedNat(internet, PUBLIC, kind)));
    expect(drawn).toMatchObject({ allocation: 'random', allocationStep: null, hairpin: false });
  });

  it('tells from several servers what the mapping is where none has two addresses', async () => {
    for (const address of [MAIN, OTHER, '203.0.113.3']) stunServer(address, null);
    const servers = [MAIN, OTHER, '203.0.113.3'].map((host) => ({ host, port: PORTS[0] }));
    const filtering = 'address-and-port-dependent';
    const easy = await look(behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering })), { servers });
    expect(easy).toMatchObject({ mapping: 'endpoint-independent', filtering: 'unknown', classical: 'unknown', publicAddress: PUBLIC });
    expect(easy.notes.join()).toContain('second address');
    const hard = await look(behind(new SimulatedNat(internet, PUBLIC, { mapping: 'address-dependent', filtering })), { servers });
    expect(hard).toMatchObject({ mapping: 'address-and-port-dependent', classical: 'symmetric' });
    expect(hard.notes).toHaveLength(2);
    const single = await look(behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering })));
    expect(single).toMatchObject({ mapping: 'unknown', filtering: 'unknown', publicAddress: PUBLIC, udpBlocked: false });
  });

  it('asks the others when the first server is dead, and no more than four', async () => {
    stunServer(MAIN, OTHER);
    const servers = ['203.0.113.9', MAIN, '203.0.113.10', '203.0.113.11', '203.0.113.12'].map((host) => ({ host, port: PORTS[0] }));
    const report = await look(
      behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering: 'endpoint-independent' })),
      {
        servers,
      },
    );
    expect(report).toMatchObject({ classical: 'full-cone' });
    expect(report.observations.filter(({ mapped }) => mapped === null)).toHaveLength(3);
  });

  it('tells a network without UDP only where the internet is reached otherwise', async () => {
    const nat = () => behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering: 'endpoint-independent' }));
    expect(await look(nat())).toMatchObject({ udpBlocked: true, classical: 'udp-blocked', mapping: 'unknown', publicAddress: null });
    expect(await look(nat(), { online: null })).toMatchObject({ udpBlocked: false, classical: 'unknown' });
    expect((await look(nat(), { servers: [] })).notes).toEqual([expect.stringContaining('No STUN server was given')]);
    const without = { ...nat(), localAddress: () => Promise.resolve(null) };
    expect(await look(without, { online: false })).toMatchObject({ mapping: 'unknown', observations: [] });
    const broken = { ...nat(), open: () => Promise.reject(new Error('EADDRNOTAVAIL')) };
    expect(await look(broken)).toMatchObject({ mapping: 'unknown' });
  });

  it('does not probe a private place that a public server names as its other address', async () => {
    stunServer(MAIN, null, { claims: '10.0.0.1' });
    const seen: string[] = [];
    internet.attach('10.0.0.1', () => seen.push('probed'));
    const report = await look(
      behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering: 'endpoint-independent' })),
    );
    expect(seen).toEqual([]);
    expect(report.mapping).toBe('unknown');
  });

  it('ends soon when told to, with what it has', async () => {
    stunServer(MAIN, OTHER);
    const stop = new AbortController();
    const network = behind(
      new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' }),
    );
    const report = discoverNat({ clock, servers: [{ host: MAIN, port: 3478 }], mapper: null, online: true, network, signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(100);
    stop.abort();
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(100);
    expect(await report).toMatchObject({ publicAddress: PUBLIC });
    expect(clock.monotonic()).toBe(200);
  });
});

describe('what port mapping says', () => {
  const network = () => {
    stunServer(MAIN, OTHER);
    return behind(new SimulatedNat(internet, PUBLIC, { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' }));
  };
  const mapper = (external: string | null, error: string | null = null) => ({
    map: () => Promise.resolve(null),
    findings: () => Promise.resolve([{ protocol: 'upnp', answers: true, external, error } as const]),
  });

  it('gives away a further NAT: another address than the internet sees, a shared or private one, or none', async () => {
    expect(await look(network(), { mapper: mapper(PUBLIC) })).toMatchObject({ cgnat: false, portMapping: null });
    for (const external of ['100.64.3.4', '192.168.1.7', '198.51.100.77']) {
      const report = await look(network(), { mapper: mapper(external) });
      expect(report.cgnat, external).toBe(true);
      expect(report.notes.join()).toContain(external);
    }
    expect(await look(network(), { mapper: mapper(null, 'it has no public address itself') })).toMatchObject({ cgnat: true });
    expect(await look(network(), { mapper: mapper(null, 'it answers with code 9') })).toMatchObject({ cgnat: false });
    const shared = { ...network(), localAddress: () => Promise.resolve('100.70.1.2') };
    expect(await look(shared)).toMatchObject({ cgnat: true });
  });
});

describe('a socket that asks STUN servers', () => {
  it('takes 100,000 altered answers without throwing, and none from elsewhere', async () => {
    const random = seededRandom(31);
    stunServer(MAIN, OTHER);
    const host = internet.host(PUBLIC, 4_000);
    const socket = new StunSocket(host.dgram, clock);
    let genuine: Buffer = Buffer.alloc(0);
    host.on('message', (bytes: Buffer) => (genuine = bytes));
    const first = socket.ask({ address: MAIN, port: 3478 });
    await clock.advance(100);
    expect(await first).toMatchObject({ mapped: { address: PUBLIC, port: 4_000 }, other: { address: OTHER, port: 3479 } });
    let answered = 0;
    host.send = () => {};
    const pending = socket.ask({ address: MAIN, port: 3478 }).then(() => (answered += 1));
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = Buffer.from(genuine.subarray(0, random() < 0.8 ? genuine.length : Math.floor(random() * genuine.length)));
      for (let change = 0; change < 3 && bytes.length > 0; change += 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      host.deliver(bytes, { address: random() < 0.5 ? MAIN : '203.0.113.66', port: 3478 });
    }
    expect(answered).toBe(0);
    socket.close();
    await pending;
  }, 60_000);

  it('is told which server by a URL', () => {
    expect(stunServerName('stun:stun.example.org')).toEqual({ host: 'stun.example.org', port: 3478 });
    expect(stunServerName('stun:203.0.113.1:19302')).toEqual({ host: '203.0.113.1', port: 19302 });
    expect(stunServerName('stun:[2001:db8::1]:3478')).toEqual({ host: '2001:db8::1', port: 3478 });
    for (const url of [
      'stun:',
      'stun::3478',
      'turn:a:1',
      'http://a',
      'stun:a:0',
      'stun:a:70000',
      'stun:a b:1',
      'stun:2001:db8::1:3478',
      '',
    ]) {
      expect(stunServerName(url), url).toBeNull();
    }
  });
});
