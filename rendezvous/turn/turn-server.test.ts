import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import type { Endpoint } from '../../peer/stun/address.ts';
import { readXorMappedAddress } from '../../peer/stun/address.ts';
import { ATTRIBUTE, attributeOf, hasIntegrity, METHOD, parseStun, STUN_CLASS, writeStun } from '../../peer/stun/message.ts';
import { restPassword, restUsername } from '../../peer/stun/long-term.ts';
import { family, peerAttribute, RawTurn, REQUESTED_UDP, UdpPeer, uint32 } from '../../test/fakes/raw-turn.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { openUdp } from '../udp-socket.ts';
import { TurnCredentials } from './credentials.ts';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from './limits.ts';
import { PeerPolicy } from './peer-policy.ts';
import { TurnClient, TurnServer } from './turn-server.ts';

const SECRET = 'a secret for tests';
const RELAY = '127.0.0.1';
const PEER = '127.0.0.5';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A relay on loopback, which may have loopback peers, and clients that stand beside it. */
function relay(limits: Partial<TurnLimits> = {}, options: { allowPrivate?: boolean; ports?: [number, number] } = {}) {
  const clock = new SimulatedClock();
  const all = { ...DEFAULT_TURN_LIMITS, ...limits };
  const credentials = new TurnCredentials({ secret: SECRET, clock, perSecond: 1000, burst: 1000 });
  const relayAddresses = [RELAY, '::1'].map((local) => ({ local, announced: local }));
  const { allowPrivate = true, ports = [49_152, 65_535] } = options;
  const policy = new PeerPolicy({ clock, ownAddresses: () => ['203.0.113.77', RELAY, '::1'], relayAddresses, allowPrivate });
  const server = new TurnServer({ clock, limits: all, credentials, policy, relayAddresses, ports });
  closers.push(() => server.close());
  let port = 1000;
  const client = (of: string | { username: string; credential: string } = `peer-${port}`, from = `198.51.100.${port % 250}`) => {
    const remote = { address: from, port: (port += 1) };
    const issued = typeof of === 'string' ? credentials.issue(of, remote.address) : of;
    if (!issued) throw new Error('no credentials');
    const sent: Buffer[] = [];
    const hear = (bytes: Buffer) => {
      sent.push(bytes);
      raw.take(bytes);
    };
    const turnClient = new TurnClient(
      {
        remote,
        answer: (message) => hear(message),
        send: (data) => {
          hear(Buffer.isBuffer(data) ? data : Buffer.concat(data));
          return true;
        },
      },
      () => {},
    );
    const raw: RawTurn = new RawTurn((data) => server.receive(turnClient, data), issued);
    return Object.assign(raw, {
      remote,
      sent,
      receive: (data: Buffer) => server.receive(turnClient, data),
      gone: () => server.forget(turnClient),
    });
  };
  return { clock, server, client, credentials };
}

async function peerAt(address = PEER, port = 0) {
  const peer = new UdpPeer(address.includes(':'));
  closers.push(() => peer.close());
  return Object.assign(peer, { at: await peer.bind(address, port) });
}

async function allocated(client: RawTurn): Promise<Endpoint> {
  const { relayed, error } = await client.allocate();
  expect(error).toBe(0);
  if (!relayed) throw new Error('no relayed address');
  return relayed;
}

describe('an allocation', () => {
  it('is had by who has credentials, and says where peers find it, for how long, and from where it was asked', async () => {
    const { client, server } = relay();
    const c = client();
    const first = await c.ask(METHOD.allocate, [REQUESTED_UDP]);
    expect(first).toMatchObject({ error: 401 });
    expect(attributeOf(first.message, ATTRIBUTE.messageIntegrity)).toBeUndefined();
    c.learn(first);
    const { message, relayed, error } = await c.allocate();
    expect(error).toBe(0);
    expect(hasIntegrity(message, c.key)).toBe(true);
    expect(relayed?.address).toBe(RELAY);
    expect(relayed?.port).toBeGreaterThanOrEqual(49_152);
    expect(attributeOf(message, ATTRIBUTE.lifetime)).toEqual(uint32(600));
    const mapped = attributeOf(message, ATTRIBUTE.xorMappedAddress) ?? Buffer.alloc(0);
    expect(readXorMappedAddress(mapped, message.transactionId)).toEqual(c.remote);
    expect(server.size).toBe(1);
  });

  it('carries datagrams both ways, in indications and in channels', async () => {
    const { client, server } = relay();
    const c = client();
    const relayed = await allocated(c);
    const peer = await peerAt();
    expect(await c.permit(peer.at)).toMatchObject({ error: 0, message: { class: STUN_CLASS.success } });
    c.indicate(peer.at, 'one');
    expect(await peer.hears(1)).toEqual([{ data: 'one', from: relayed }]);
    await peer.send('two', relayed);
    expect(await c.heard(1)).toEqual([{ peer: peer.at, data: 'two' }]);
    expect((await c.bind(0x4001, peer.at)).error).toBe(0);
    c.channel(0x4001, 'three');
    expect((await peer.hears(2))[1]?.data).toBe('three');
    await peer.send('four', relayed);
    expect((await c.heard(2))[1]).toEqual({ peer: 0x4001, data: 'four' });
    expect(server.counters).toMatchObject({ packetsToPeers: 2, bytesToPeers: 8, packetsToClients: 2, bytesToClients: 7 });
  });

  it('of IPv6 does the same', async () => {
    const { client } = relay();
    const c = client();
    const { relayed, error } = await c.allocate([REQUESTED_UDP, family(6)]);
    expect({ error, address: relayed?.address }).toEqual({ error: 0, address: '::1' });
    // Its own address is the only one of loopback: another allocation is the peer.
    const other = client();
    const otherRelayed = (await other.allocate([REQUESTED_UDP, family(6)])).relayed;
    if (!relayed || !otherRelayed) throw new Error('no relayed address');
    await c.permit(otherRelayed);
    await other.permit(relayed);
    c.indicate(otherRelayed, 'six');
    expect(await other.heard(1)).toEqual([{ peer: relayed, data: 'six' }]);
  });

  it('asked for twice in one question is one, and in another is refused', async () => {
    const { client, server } = relay();
    const c = client();
    c.learn(await c.ask(METHOD.allocate, [REQUESTED_UDP]));
    const question = c.write(METHOD.allocate, [REQUESTED_UDP]);
    const first = await c.exchange(question);
    const again = await c.exchange(question);
    expect(again.message.bytes).toEqual(first.message.bytes);
    expect((await c.ask(METHOD.allocate, [REQUESTED_UDP])).error).toBe(437);
    expect([server.size, server.counters.allocations]).toEqual([1, 1]);
  });

  it('lives as long as it is refreshed, from ten minutes to an hour at a time', async () => {
    const { client, server, clock } = relay();
    const c = client();
    await allocated(c);
    const lifetime = async (asked: number) => {
      const { message } = await c.refresh(asked);
      return attributeOf(message, ATTRIBUTE.lifetime)?.readUInt32BE(0);
    };
    expect([await lifetime(1), await lifetime(100_000)]).toEqual([600, 3600]);
    await clock.advance(3_500_000);
    expect(await lifetime(600)).toBe(600);
    await clock.advance(599_000);
    expect(server.size).toBe(1);
    await clock.advance(2_000);
    expect(server.size).toBe(0);
    c.learn(await c.refresh(600));
    expect((await c.refresh(600)).error).toBe(437);
  });

  it('ends when it is given back, with its port and its place', async () => {
    const { client, server } = relay({ allocationsPerPeer: 1 });
    const c = client();
    const relayed = await allocated(c);
    expect((await c.refresh(0)).error).toBe(0);
    expect(server.size).toBe(0);
    await (await openUdp(relayed.address, relayed.port)).close();
    const again = await allocated(c);
    expect(again).not.toEqual(relayed);
    c.gone();
    expect(server.size).toBe(0);
  });

  it('with an even port is had, a pair of ports is not', async () => {
    const { client } = relay();
    const even = (flag: number) => ({ type: ATTRIBUTE.evenPort, value: Buffer.from([flag]) });
    const { relayed } = await client().allocate([REQUESTED_UDP, even(0)]);
    expect((relayed?.port ?? 1) % 2).toBe(0);
    expect((await client().allocate([REQUESTED_UDP, even(0x80)])).error).toBe(508);
    const token = { type: ATTRIBUTE.reservationToken, value: Buffer.alloc(8) };
    expect((await client().allocate([REQUESTED_UDP, token])).error).toBe(508);
  });

  it('outlives what cannot be sent: an address that is not to be reached, a datagram that is too long, port 0', async () => {
    const { client, server } = relay();
    const c = client();
    await allocated(c);
    const peer = await peerAt();
    // From loopback the system sends nowhere else.
    const away = { address: '203.0.113.9', port: 9 };
    await c.permit(away, peer.at);
    c.indicate(away, 'lost');
    c.indicate(peer.at, Buffer.alloc(65_508));
    c.indicate({ ...peer.at, port: 0 }, 'nowhere');
    expect((await c.bind(0x4000, { ...peer.at, port: 0 })).error).toBe(400);
    c.indicate(peer.at, 'x');
    expect((await peer.hears(1)).map(({ data }) => data.length)).toEqual([1]);
    expect(server.size).toBe(1);
  });
});

describe('permissions and channels', () => {
  it('let through only those that are permitted, and for five minutes', async () => {
    const { client, server, clock } = relay();
    const c = client();
    const relayed = await allocated(c);
    const [peer, stranger] = [await peerAt(), await peerAt('127.0.0.6')];
    c.indicate(peer.at, 'too early');
    await c.permit(peer.at);
    await stranger.send('from a stranger', relayed);
    await peer.send('hello', relayed);
    expect(await c.heard(1)).toEqual([{ peer: peer.at, data: 'hello' }]);
    expect(server.counters.droppedUnpermitted).toBe(2);
    await clock.advance(299_000);
    c.indicate(peer.at, 'in time');
    await clock.advance(2_000);
    c.indicate(peer.at, 'too late');
    await c.permit(peer.at);
    c.indicate(peer.at, 'again');
    expect((await peer.hears(2)).map(({ data }) => data)).toEqual(['in time', 'again']);
  });

  it('of a channel last ten minutes, its permission too', async () => {
    const { client, clock, server } = relay();
    const c = client();
    const relayed = await allocated(c);
    const peer = await peerAt();
    await c.refresh(3600);
    await c.bind(0x4000, peer.at);
    await clock.advance(599_000);
    await peer.send('still', relayed);
    expect(await c.heard(1)).toEqual([{ peer: 0x4000, data: 'still' }]);
    await clock.advance(2_000);
    c.channel(0x4000, 'too late');
    expect(server.counters.droppedUnpermitted).toBe(1);
    // The number is free again, for anybody.
    expect((await c.bind(0x4000, { ...peer.at, port: 9 })).error).toBe(0);
    expect((await c.bind(0x4001, peer.at)).error).toBe(0);
  });

  it('give a peer one channel, and a channel one peer', async () => {
    const { client } = relay();
    const c = client();
    await allocated(c);
    const [one, two] = [
      { address: PEER, port: 1 },
      { address: PEER, port: 2 },
    ];
    expect((await c.bind(0x4000, one)).error).toBe(0);
    expect((await c.bind(0x4000, one)).error).toBe(0);
    expect((await c.bind(0x4000, two)).error).toBe(400);
    expect((await c.bind(0x4001, one)).error).toBe(400);
    expect((await c.bind(0x4001, two)).error).toBe(0);
    for (const number of [0, 0x3fff, 0x7fff, 0x8000, 0xffff]) expect((await c.bind(number, { address: PEER, port: 3 })).error).toBe(400);
  });

  it('are so many at most, and those that are over make room', async () => {
    const { client, clock } = relay({ permissions: 2, channels: 2 });
    const c = client();
    await allocated(c);
    const peer = (last: number, port = 1) => ({ address: `127.0.1.${last}`, port });
    expect((await c.permit(peer(1), peer(2), peer(3))).error).toBe(508);
    expect((await c.permit(peer(1), peer(2), peer(1))).error).toBe(0);
    expect((await c.permit(peer(3))).error).toBe(508);
    expect((await c.bind(0x4000, peer(3))).error).toBe(508);
    expect((await c.bind(0x4000, peer(1))).error).toBe(0);
    expect((await c.bind(0x4001, peer(1, 2))).error).toBe(0);
    expect((await c.bind(0x4002, peer(2))).error).toBe(508);
    await c.refresh(3600);
    await clock.advance(301_000);
    expect((await c.permit(peer(3))).error).toBe(0);
    await clock.advance(300_000);
    expect((await c.bind(0x4002, peer(2))).error).toBe(0);
  });
});

describe('questions that are wrong', () => {
  it('get the code that says how', async () => {
    const { client } = relay();
    const c = client();
    const refused = async (method: number, attributes: { type: number; value: Buffer }[]) => (await c.ask(method, attributes)).error;
    c.learn(await c.ask(METHOD.allocate, []));
    expect(await refused(METHOD.allocate, [])).toBe(400);
    expect(await refused(METHOD.allocate, [{ type: ATTRIBUTE.requestedTransport, value: Buffer.from([17]) }])).toBe(400);
    expect(await refused(METHOD.allocate, [{ type: ATTRIBUTE.requestedTransport, value: Buffer.from([6, 0, 0, 0]) }])).toBe(442);
    expect(
      await refused(METHOD.allocate, [REQUESTED_UDP, { type: ATTRIBUTE.requestedAddressFamily, value: Buffer.from([3, 0, 0, 0]) }]),
    ).toBe(440);
    expect(await refused(METHOD.allocate, [REQUESTED_UDP, { type: ATTRIBUTE.dontFragment, value: Buffer.alloc(0) }])).toBe(420);
    for (const method of [METHOD.refresh, METHOD.createPermission, METHOD.channelBind]) expect(await refused(method, [])).toBe(437);
    await allocated(c);
    expect(await refused(METHOD.createPermission, [])).toBe(400);
    expect(await refused(METHOD.createPermission, [{ type: ATTRIBUTE.xorPeerAddress, value: Buffer.alloc(3) }])).toBe(400);
    expect(await refused(METHOD.channelBind, [{ type: ATTRIBUTE.channelNumber, value: uint32(0x40000000) }])).toBe(400);
    expect((await c.permit({ address: '2001:db8::1', port: 1 })).error).toBe(443);
    expect((await c.bind(0x4000, { address: '2001:db8::1', port: 1 })).error).toBe(443);
    expect(await refused(METHOD.refresh, [family(6)])).toBe(443);
    expect(await refused(METHOD.refresh, [family(4)])).toBe(0);
  });

  it('get no answer when they are no questions', () => {
    const { client, server } = relay();
    const c = client();
    for (const method of [0x00a, 0x00b, METHOD.send, METHOD.data, 0xfff]) {
      expect(() => void c.exchange(c.write(method, []))).not.toThrow();
    }
    expect(c.sent).toEqual([]);
    expect(server.size).toBe(0);
  });
});

describe('credentials', () => {
  it('that are wrong, ended, or of another secret get nothing', async () => {
    const { client, clock, server } = relay();
    const name = (seconds: number) => restUsername(clock.now() / 1000 + seconds, 'somebody');
    const bogus = [
      { username: name(60), credential: 'wrong' },
      { username: name(-1), credential: restPassword(SECRET, name(-1)) },
      { username: name(60), credential: restPassword('another secret', name(60)) },
      { username: 'somebody', credential: restPassword(SECRET, 'somebody') },
      { username: '', credential: '' },
    ];
    for (const each of bogus) expect((await client(each).allocate()).error).toBe(401);
    const c = client();
    c.learn(await c.ask(METHOD.allocate, [REQUESTED_UDP]));
    c.realm = 'elsewhere';
    expect((await c.ask(METHOD.allocate, [REQUESTED_UDP])).error).toBe(401);
    expect(server.size).toBe(0);
    expect((await client({ username: name(60), credential: restPassword(SECRET, name(60)) }).allocate()).error).toBe(0);
  });

  it('must all be there, or the question is malformed', async () => {
    const { client } = relay();
    const c = client();
    c.learn(await c.ask(METHOD.allocate, [REQUESTED_UDP]));
    const signed = c.write(METHOD.allocate, [REQUESTED_UDP], undefined, false);
    const message = parseStun(signed);
    if (!message) throw new Error('no message');
    const bytes = writeStun(message, [REQUESTED_UDP], { integrityKey: c.key });
    expect((await c.exchange(bytes)).error).toBe(400);
  });

  it('of another do not touch an allocation', async () => {
    const { client } = relay();
    const c = client();
    await allocated(c);
    const stolen = client();
    c.username = stolen.username;
    c.password = stolen.password;
    expect((await c.refresh(0)).error).toBe(441);
    expect((await c.permit({ address: PEER, port: 1 })).error).toBe(441);
    expect((await c.ask(METHOD.allocate, [REQUESTED_UDP])).error).toBe(437);
  });

  it('that end do not end what runs', async () => {
    const { client, clock } = relay();
    const c = client();
    await allocated(c);
    await c.refresh(3600);
    for (let hour = 0; hour < 30; hour += 1) {
      await clock.advance(3_500_000);
      expect((await c.refresh(3600)).error).toBe(0);
      c.learn(await c.exchange(c.write(METHOD.refresh, [], undefined, false)));
    }
    expect((await c.permit({ address: PEER, port: 1 })).error).toBe(0);
    c.gone();
    const fresh = client({ username: c.username, credential: c.password });
    expect((await fresh.allocate()).error).toBe(401);
  });

  it('count for what they sign, not for what is put behind that', async () => {
    const { client } = relay();
    const c = client();
    await allocated(c);
    const id = Buffer.alloc(12, 7);
    const attributes = [
      { type: ATTRIBUTE.username, value: Buffer.from(c.username) },
      { type: ATTRIBUTE.realm, value: Buffer.from(c.realm) },
      { type: ATTRIBUTE.nonce, value: Buffer.from(c.nonce) },
    ];
    const message = { class: STUN_CLASS.request, method: METHOD.createPermission, transactionId: id };
    const signed = parseStun(writeStun(message, attributes, { integrityKey: c.key, fingerprint: false }));
    const integrity = signed && attributeOf(signed, ATTRIBUTE.messageIntegrity);
    if (!integrity) throw new Error('not signed');
    const forged = [...attributes, { type: ATTRIBUTE.messageIntegrity, value: integrity }, peerAttribute({ address: PEER, port: 1 }, id)];
    // 400: it names no peer, as far as it is signed.
    expect((await c.exchange(writeStun(message, forged, { fingerprint: false }))).error).toBe(400);
  });
});

describe('nonces', () => {
  it('end after a while, and the answer brings another', async () => {
    const { client, clock } = relay({ nonceMs: 600_000 });
    const c = client();
    await allocated(c);
    await c.refresh(3600);
    await clock.advance(599_000);
    expect((await c.refresh(3600)).error).toBe(0);
    await clock.advance(2_000);
    const stale = await c.refresh(3600);
    expect(stale.error).toBe(438);
    expect(attributeOf(stale.message, ATTRIBUTE.messageIntegrity)).toBeUndefined();
    c.learn(stale);
    expect((await c.refresh(3600)).error).toBe(0);
  });

  it('are worth nothing from another address, with the whole question played again, or after a restart', async () => {
    const { client, server, credentials } = relay();
    const c = client();
    c.learn(await c.ask(METHOD.allocate, [REQUESTED_UDP]));
    const question = c.write(METHOD.allocate, [REQUESTED_UDP]);
    const thief = client({ username: c.username, credential: 'not known' }, '198.51.100.250');
    expect((await thief.exchange(question)).error).toBe(438);
    expect(server.size).toBe(0);
    expect((await c.exchange(question)).error).toBe(0);
    const restarted = relay();
    const later = restarted.client({ username: c.username, credential: c.password }, c.remote.address);
    later.realm = c.realm;
    for (const nonce of [c.nonce, 'A'.repeat(16), '!'.repeat(16), '', 'x'.repeat(700)]) {
      later.nonce = nonce || ' ';
      expect((await later.ask(METHOD.allocate, [REQUESTED_UDP])).error).toBe(438);
    }
    expect(credentials.refused).toBe(0);
  });
});

describe('peers', () => {
  it('that must not be reached are refused, in permissions and in channels', async () => {
    const { client, server } = relay({}, { allowPrivate: false });
    const c = client();
    await allocated(c);
    for (const address of [
      '127.0.0.5',
      '10.0.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '203.0.113.77',
      '0.0.0.0',
      '255.255.255.255',
      '224.0.0.1',
    ]) {
      expect((await c.permit({ address, port: 80 })).error, address).toBe(403);
      expect((await c.bind(0x4000, { address, port: 80 })).error, address).toBe(403);
      c.indicate({ address, port: 80 }, 'x');
    }
    // One of many that is refused refuses all.
    expect((await c.permit({ address: '198.51.100.1', port: 1 }, { address: '10.0.0.1', port: 1 })).error).toBe(403);
    c.indicate({ address: '198.51.100.1', port: 1 }, 'x');
    expect(server.counters.packetsToPeers).toBe(0);
    const six = client();
    expect((await six.allocate([REQUESTED_UDP, family(6)])).error).toBe(0);
    for (const address of ['::', 'fe80::1', 'fc00::1', 'ff02::1', '64:ff9b::a00:1', '2002:a00:1::']) {
      expect((await six.permit({ address, port: 80 })).error, address).toBe(403);
    }
    // As bytes, since a text of it would be written as IPv4.
    const mapped = Buffer.from('00020000' + '00000000000000000000ffff7f000001', 'hex');
    const id = Buffer.alloc(12);
    const mask = Buffer.concat([Buffer.from('2112a442', 'hex'), id]);
    for (let at = 0; at < 16; at += 1) mapped[4 + at] = (mapped[4 + at] ?? 0) ^ (mask[at] ?? 0);
    const asked = six.write(METHOD.createPermission, [{ type: ATTRIBUTE.xorPeerAddress, value: mapped }], id);
    expect((await six.exchange(asked)).error).toBe(403);
  });

  it('may be relayed by this relay themselves: both ends of a session can use it', async () => {
    const { client, server } = relay({}, { allowPrivate: false });
    const [a, b] = [client(), client()];
    const [atA, atB] = [await allocated(a), await allocated(b)];
    expect((await a.bind(0x4000, atB)).error).toBe(0);
    a.channel(0x4000, 'before b permits it');
    await b.permit(atA);
    a.channel(0x4000, 'hello');
    expect(await b.heard(1)).toEqual([{ peer: atA, data: 'hello' }]);
    b.indicate(atA, 'well');
    expect(await a.heard(1)).toEqual([{ peer: 0x4000, data: 'well' }]);
    expect(server.counters).toMatchObject({ droppedUnpermitted: 1, packetsToPeers: 3, packetsToClients: 2 });
  });

  it('are not what else is at the address of the relay', async () => {
    const { client, server } = relay();
    const c = client();
    await allocated(c);
    // A service of the relay's machine, whose address has to be permitted for the sake of other relayed ports.
    const service = await peerAt(RELAY);
    expect((await c.permit(service.at)).error).toBe(0);
    expect((await c.bind(0x4000, service.at)).error).toBe(0);
    c.indicate(service.at, 'attack');
    c.channel(0x4000, 'attack');
    expect(server.counters).toMatchObject({ droppedRefused: 2, packetsToPeers: 0 });
    const other = await peerAt();
    await other.send('marker', service.at);
    expect((await service.hears(1)).map(({ data }) => data)).toEqual(['marker']);
  });
});

describe('what relaying may cost', () => {
  it('is bounded for a peer, for a network, and in all', async () => {
    const one = relay({ allocationsPerPeer: 2 });
    expect((await one.client('same', '198.51.100.1').allocate()).error).toBe(0);
    const second = one.client('same', '198.51.100.2');
    expect((await second.allocate()).error).toBe(0);
    const third = one.client('same', '198.51.100.3');
    expect((await third.allocate()).error).toBe(486);
    second.gone();
    expect((await third.allocate()).error).toBe(0);

    const two = relay({ allocationsPerNetwork: 2 });
    for (const who of ['a', 'b']) expect((await two.client(who, '198.51.100.1').allocate()).error).toBe(0);
    expect((await two.client('c', '198.51.100.1').allocate()).error).toBe(486);
    // Credentials that were got there count there, wherever they are used.
    const carried = two.credentials.issue('d', '198.51.100.1');
    if (!carried) throw new Error('no credentials');
    expect((await two.client(carried, '198.51.100.9').allocate()).error).toBe(486);
    expect((await two.client('e', '198.51.100.9').allocate()).error).toBe(0);
    // All of an IPv6 network are one.
    for (const last of [1, 2]) expect((await two.client(`f${last}`, `2001:db8::${last}`).allocate()).error).toBe(0);
    expect((await two.client('g', '2001:db8::3').allocate()).error).toBe(486);

    const three = relay({ allocations: 1 });
    expect((await three.client().allocate()).error).toBe(0);
    expect((await three.client().allocate()).error).toBe(508);
  });

  it('is bounded while ports are being opened, too', async () => {
    const { client, server } = relay({ allocationsPerPeer: 3 });
    const clients = Array.from({ length: 10 }, () => client('same'));
    const answers = await Promise.all(clients.map((each) => each.allocate()));
    expect(answers.filter(({ error }) => error === 0)).toHaveLength(3);
    expect(server.size).toBe(3);
  });

  it('takes no port that another has, and says when there is none', async () => {
    const taken = await peerAt(RELAY);
    const { port } = taken.at;
    const { client } = relay({}, { ports: [port, port] });
    const c = client();
    expect((await c.allocate()).error).toBe(508);
    taken.socket.close();
    closers.splice(0, 1);
    expect((await c.allocate()).relayed).toEqual(taken.at);
  });

  it('is bounded in bytes a second', async () => {
    const { client, server, clock } = relay({ bytesPerSecond: 1000, byteBurst: 1000 });
    const c = client();
    const relayed = await allocated(c);
    const peer = await peerAt();
    await c.permit(peer.at);
    for (let count = 0; count < 20; count += 1) c.indicate(peer.at, 'x'.repeat(100));
    expect(server.counters).toMatchObject({ packetsToPeers: 10, droppedRate: 10 });
    await clock.advance(500);
    for (let count = 0; count < 10; count += 1) await peer.send('y'.repeat(100), relayed);
    await c.heard(5);
    while (server.counters.droppedRate < 15) await new Promise((resolve) => setImmediate(resolve));
    expect(server.counters).toMatchObject({ packetsToClients: 5, droppedRate: 15 });
  });

  it('is little for who has no credentials: a short answer, and not many', async () => {
    const { client, server } = relay({ requestsPerSecond: 1, requestBurst: 5 });
    const c = client();
    for (let count = 0; count < 20; count += 1) void c.ask(METHOD.allocate, [REQUESTED_UDP]);
    expect(c.sent).toHaveLength(5);
    expect(server.counters.ignored).toBe(15);
    const question = c.write(METHOD.allocate, [REQUESTED_UDP]);
    for (const answer of c.sent) expect(answer.length).toBeLessThanOrEqual(question.length + 48);
    // Others are answered all the same.
    expect((await client().allocate()).error).toBe(0);
  });
});

it('lives through a hundred thousand altered messages, and keeps nothing of them', async () => {
  const { client, server } = relay({ requestsPerSecond: 1e9, requestBurst: 1e9 });
  const c = client();
  await allocated(c);
  const peer = { address: PEER, port: 9 };
  await c.bind(0x4000, peer);
  const id = Buffer.alloc(12, 3);
  const channel = Buffer.concat([Buffer.from([0x40, 0, 0, 4]), Buffer.from('data')]);
  const seeds = [
    c.write(METHOD.allocate, [REQUESTED_UDP, family(6), { type: ATTRIBUTE.evenPort, value: Buffer.from([0]) }]),
    c.write(METHOD.refresh, [{ type: ATTRIBUTE.lifetime, value: uint32(600) }]),
    c.write(METHOD.createPermission, [peerAttribute(peer, id), peerAttribute(peer, id)], id),
    c.write(METHOD.channelBind, [peerAttribute(peer, id), { type: ATTRIBUTE.channelNumber, value: uint32(0x40010000) }], id),
    c.write(METHOD.allocate, [REQUESTED_UDP], id, false),
    channel,
  ];
  const random = seededRandom(17);
  const before = c.sent.length;
  for (let round = 0; round < 100_000; round += 1) {
    let data = Buffer.from(seeds[round % seeds.length] ?? channel);
    const changes = 1 + Math.floor(random() * 4);
    for (let change = 0; change < changes; change += 1) data[Math.floor(random() * data.length)] = Math.floor(random() * 256);
    // Often without the fingerprint and of another length, else nearly all would be thrown away at the door.
    if (random() < 0.7 && data.length > 20 && (data[0] ?? 0) < 4) {
      data = data.subarray(0, Math.max(20, data.length - 4 * Math.floor(random() * 6)));
      data.writeUInt16BE(data.length - 20, 2);
      data.writeUInt32BE(0x2112a442, 4);
    }
    c.receive(data);
    c.sent.length = Math.min(c.sent.length, before);
  }
  expect(server.size).toBeLessThanOrEqual(1);
}, 60_000);
