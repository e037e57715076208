import { afterEach, describe, expect, it } from 'vitest';
import { ATTRIBUTE, attributeOf, METHOD, parseStun, STUN_CLASS, writeStun } from '../../peer/stun/message.ts';
import { restPassword, restUsername } from '../../peer/stun/long-term.ts';
import { family, peerAttribute, REQUESTED_UDP, uint32 } from '../../test/fakes/raw-turn.ts';
import { allocated, closeRelays, PEER, peerAt, RELAY, relay, SECRET } from '../../test/fakes/relay-world.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';

afterEach(closeRelays);

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

  it('is nothing for who is gone before the port is open', async () => {
    const free = await peerAt(RELAY);
    free.close();
    const { client, server } = relay({ allocationsPerPeer: 1 }, { ports: [free.at.port, free.at.port] });
    const hasty = client('same');
    hasty.learn(await hasty.ask(METHOD.allocate, [REQUESTED_UDP]));
    void hasty.ask(METHOD.allocate, [REQUESTED_UDP]);
    hasty.gone();
    // Its place and its port come back.
    let error = 486;
    while (error === 486) {
      await new Promise((resolve) => setImmediate(resolve));
      ({ error } = await client('same').allocate());
    }
    expect([error, server.counters.allocations]).toEqual([0, 1]);
  });

  it('takes no port that another has, and says when there is none', async () => {
    const taken = await peerAt(RELAY);
    const { port } = taken.at;
    const { client } = relay({}, { ports: [port, port] });
    const c = client();
    expect((await c.allocate()).error).toBe(508);
    taken.close();
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
