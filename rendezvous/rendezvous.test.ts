import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../electron/base/clock.ts';
import { createLog, silentLog, type Log } from '../electron/base/log.ts';
import { freshAddressKey, type AddressKey } from '../peer/identity.ts';
import { RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { parseRestUsername, restPassword } from '../peer/stun/long-term.ts';
import { METHOD, STUN_CLASS } from '../peer/stun/message.ts';
import { RawTurn, UdpPeer } from '../test/fakes/raw-turn.ts';
import { parseRendezvousFlags } from './flags.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { Rendezvous } from './rendezvous.ts';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from './turn/limits.ts';

const SECRET = 'not to be said aloud';
let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-rendezvous-'));
  await writeFile(join(folder, 'secret'), `${SECRET}\n`);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true });
});

async function run(flags: string, log: Log = silentLog, turnLimits: Partial<TurnLimits> = {}) {
  const words = `--bind 127.0.0.1 --port 0 --stun-port 0 ${flags}`.replaceAll('SECRET', join(folder, 'secret')).split(' ').filter(Boolean);
  const rendezvous = new Rendezvous(parseRendezvousFlags(words), {
    clock: systemClock,
    log,
    limits: DEFAULT_LIMITS,
    turnLimits: { ...DEFAULT_TURN_LIMITS, ...turnLimits },
  });
  closers.push(() => rendezvous.close());
  return { rendezvous, place: await rendezvous.start() };
}

async function registered(url: string, addressKey: AddressKey = freshAddressKey()) {
  const client = new RendezvousClient({ url, addressKey, clock: systemClock, log: silentLog });
  closers.push(() => client.close());
  client.start();
  return client.registered(5000);
}

/** A TURN client over UDP, with what the rendezvous gave. */
async function overUdp({ url, username, credential }: { url: string; username: string; credential: string }): Promise<RawTurn> {
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const [, host = '', port = ''] = /^turn:([^:]+):(\d+)/.exec(url) ?? [];
  const client = new RawTurn((data) => socket.send(data, Number(port), host), { username, credential });
  socket.on('message', (data) => client.take(data));
  return client;
}

describe('a rendezvous', () => {
  it('without a relay tells where STUN is, and its other port or address', async () => {
    const { place } = await run('');
    const { ice } = await registered(place.url);
    expect(ice).toEqual({
      stun: [`stun:127.0.0.1:${place.stunPort}`],
      stunAlternate: expect.stringMatching(/^stun:127\.0\.0\.1:\d+$/),
      turn: [],
    });
    expect(place).toMatchObject({ url: expect.stringMatching(/^ws:/), stun: ice.stun, turn: [] });
    const two = await run('--stun-alt-address 127.0.0.2');
    expect((await registered(two.place.url)).ice.stunAlternate).toMatch(/^stun:127\.0\.0\.2:\d+$/);
  });

  it('with a relay gives its peers what they need to use it, over UDP and over the port of the WebSocket', async () => {
    const { place, rendezvous } = await run('--turn --relay-allow-private');
    const port = new URL(place.url).port;
    const urls = [`turn:127.0.0.1:${place.stunPort}?transport=udp`, `turn:127.0.0.1:${port}?transport=tcp`];
    expect(place.turn).toEqual(urls);
    const { ice } = await registered(place.url);
    expect(ice.turn.map(({ url }) => url)).toEqual(urls);
    const [server] = ice.turn;
    if (!server) throw new Error('no relay');
    const client = await overUdp(server);
    const { relayed, error } = await client.allocate();
    expect(error).toBe(0);
    const peer = new UdpPeer();
    closers.push(() => peer.close());
    const at = await peer.bind('127.0.0.5');
    expect((await client.bind(0x4000, at)).error).toBe(0);
    client.channel(0x4000, 'there');
    expect(await peer.hears(1)).toEqual([{ data: 'there', from: relayed }]);
    if (relayed) await peer.send('and back', relayed);
    expect(await client.heard(1)).toEqual([{ peer: 0x4000, data: 'and back' }]);
    // STUN is there as before.
    expect((await client.ask(METHOD.binding)).message.class).toBe(STUN_CLASS.success);
    expect(rendezvous.counters).toMatchObject({
      turnAllocations: 1,
      turnNow: 1,
      turnPacketsToPeers: 1,
      turnPacketsToClients: 1,
      stunAnswered: 1,
    });
  });

  it('gives credentials that a relay elsewhere with the same secret takes, for a day, each peer its own', async () => {
    const { place } = await run('--turn-secret-file SECRET --turn-url turn:t.example --turn-url turns:t.example:443?transport=tcp');
    expect(place.turn).toEqual(['turn:t.example:3478', 'turns:t.example:443?transport=tcp']);
    const key = freshAddressKey();
    const [one, again, other] = [await registered(place.url, key), await registered(place.url, key), await registered(place.url)];
    const id = ({ ice }: typeof one) => parseRestUsername(ice.turn[0]?.username ?? '')?.id;
    expect(id(one)).toBeDefined();
    expect(id(again)).toBe(id(one));
    expect(id(other)).not.toBe(id(one));
    // Who sees it on the way does not learn whose it is, and whether two came from one network, yes.
    expect(id(one)).not.toContain(key.address);
    expect(id(other)?.split('.')[1]).toBe(id(one)?.split('.')[1]);
    for (const { username, credential } of one.ice.turn) {
      expect(credential).toBe(restPassword(SECRET, username));
      const left = (parseRestUsername(username)?.expiresS ?? 0) - Date.now() / 1000;
      expect(Math.abs(left - 86_400)).toBeLessThan(60);
    }
  });

  it('gives a network no more credentials than its share', async () => {
    const { place, rendezvous } = await run('--turn', silentLog, { issuesPerSecond: 0.001, issueBurst: 2 });
    const given: number[] = [];
    for (let count = 0; count < 4; count += 1) given.push((await registered(place.url)).ice.turn.length);
    expect(given).toEqual([2, 2, 0, 0]);
    expect(rendezvous.counters).toMatchObject({ credentialsRefused: 2 });
  });

  it('says its secret to nobody, and nobody’s credentials in its log', async () => {
    const lines: string[] = [];
    const log = createLog('test', { write: (line) => lines.push(line), debug: true });
    const { place, rendezvous } = await run('--turn --turn-secret-file SECRET', log);
    const { ice } = await registered(place.url);
    const [server] = ice.turn;
    if (!server) throw new Error('no relay');
    const client = await overUdp(server);
    expect((await client.allocate()).error).toBe(0);
    const bogus = await overUdp({ ...server, credential: 'wrong' });
    expect((await bogus.allocate()).error).toBe(401);
    log.info('stopping', rendezvous.counters);
    const all = `${lines.join('\n')}${JSON.stringify(place)}${JSON.stringify(ice)}`;
    expect(lines.length).toBeGreaterThan(0);
    expect(all).not.toContain(SECRET);
    for (const hidden of [server.credential, server.username]) expect(lines.join('\n')).not.toContain(hidden);
  });

  it('takes an allocation back after a restart: nothing is kept, and peers are told so', async () => {
    const first = await run('--turn --turn-secret-file SECRET');
    const [server] = (await registered(first.place.url)).ice.turn;
    if (!server) throw new Error('no relay');
    const client = await overUdp(server);
    expect((await client.allocate()).error).toBe(0);
    await first.rendezvous.close();
    await run(`--turn --turn-secret-file SECRET --stun-port ${first.place.stunPort}`);
    const stale = await client.refresh(600);
    expect(stale.error).toBe(438);
    client.learn(stale);
    expect((await client.refresh(600)).error).toBe(437);
    // The credentials are as good as before.
    expect((await client.allocate()).error).toBe(0);
  });

  it.each([
    ['--turn --turn-secret-file /nowhere', 'cannot be read'],
    ['--turn --relay-address 203.0.113.250', 'no address of this machine'],
    ['--stun-alt-address 203.0.113.250', 'no address of this machine'],
    ['--tls-cert /nowhere --tls-key /nowhere', 'cannot be used'],
    ['--tls-cert SECRET --tls-key SECRET', 'cannot be used'],
    ['--bind no.such.host.invalid', 'no address of this machine'],
  ])('refuses %s with a line that says why', async (flags, text) => {
    await expect(run(flags)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(text) });
  });

  it('refuses a secret that is too short', async () => {
    await writeFile(join(folder, 'secret'), 'short');
    await expect(run('--turn --turn-secret-file SECRET')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('too short'),
    });
  });
});
