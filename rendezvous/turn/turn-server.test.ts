import { afterEach, describe, expect, it } from 'vitest';
import { readXorMappedAddress } from '../../peer/stun/address.ts';
import { ATTRIBUTE, attributeOf, hasIntegrity, METHOD, STUN_CLASS } from '../../peer/stun/message.ts';
import { family, REQUESTED_UDP, uint32 } from '../../test/fakes/raw-turn.ts';
import { allocated, closeRelays, PEER, peerAt, RELAY, relay } from '../../test/fakes/relay-world.ts';
import { openUdp } from '../udp-socket.ts';

afterEach(closeRelays);

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
