import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../electron/base/clock.ts';
import { createLog, silentLog, type Log } from '../electron/base/log.ts';
import { Backoff } from '../electron/base/retry.ts';
import { seededRandom } from '../test/fakes/seeded-random.ts';
import { freshAddressKey, type AddressKey } from '../peer/identity.ts';
import { RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { CLOSE, MAX_RENDEZVOUS_MESSAGE, registrationTranscript } from '../peer/signaling/rendezvous-messages.ts';
import { DEFAULT_LIMITS, type RendezvousLimits } from './limits.ts';
import { RendezvousServer } from './server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(limits: Partial<RendezvousLimits> = {}, log: Log = silentLog) {
  const server = new RendezvousServer({
    clock: systemClock,
    log,
    limits: { ...DEFAULT_LIMITS, ...limits },
    stunPort: () => 3478,
  });
  closers.push(() => server.close());
  const port = await server.start('127.0.0.1', 0);
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

function client(url: string, addressKey: AddressKey = freshAddressKey(), heartbeatMs = 10_000) {
  const backoff = new Backoff({ firstMs: 20, capMs: 50 });
  const made = new RendezvousClient({ url, addressKey, clock: systemClock, log: silentLog, heartbeatMs, backoff });
  closers.push(() => made.close());
  made.start();
  return made;
}

/** A client that does as it pleases. */
async function raw(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  closers.push(() => socket.terminate());
  const messages: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>);
    for (const wake of waiting) wake();
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  socket.on('error', () => {});
  const next = (type: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const found = messages.find((message) => message.type === type);
        if (found) resolve(found);
      };
      waiting.add(look);
      look();
    });
  const challenge = await next('challenge');
  return { socket, next, closed, nonce: Buffer.from(String(challenge.nonce), 'base64url'), challenge };
}

const once = <T>(emitter: { on(listener: (value: T) => void): () => void }) =>
  new Promise<T>((resolve) => {
    const off = emitter.on((value) => {
      off();
      resolve(value);
    });
  });

describe('a rendezvous', () => {
  it('passes bytes on between those who own their addresses, and says from whom', async () => {
    const { url } = await serve();
    const [a, b] = [client(url), client(url)];
    await Promise.all([a.registered(3000), b.registered(3000)]);
    const received = once(b.messages);
    expect(a.send(b.address, Buffer.from([0, 1, 255]))).toBe(true);
    expect(await received).toEqual({ from: a.address, data: Buffer.from([0, 1, 255]) });
  });

  it('writes no word of what it passes on to its log, at any level', async () => {
    const lines: string[] = [];
    const { url } = await serve({}, createLog('test', { write: (line) => lines.push(line), debug: true }));
    const [a, b] = [client(url), client(url)];
    await Promise.all([a.registered(3000), b.registered(3000)]);
    const data = Buffer.from('sealed, whatever it is');
    const received = once(b.messages);
    a.send(b.address, data);
    await received;
    const { socket, closed } = await raw(url);
    socket.send(`{"type":"send","to":"${a.address}","data":"${data.toString('base64url')}"}`);
    await closed;
    expect(lines.filter((line) => line.includes(data.toString('base64url')) || line.includes(data.toString()))).toEqual([]);
  });

  it('tells its peers where STUN is, by the name they know it by', async () => {
    const { port } = await serve();
    expect(await client(`ws://localhost:${port}`).registered(3000)).toMatchObject({
      ice: { stun: ['stun:localhost:3478'], turn: [], stunAlternate: null },
    });
  });

  it('says who cannot be reached', async () => {
    const { url } = await serve();
    const a = client(url);
    await a.registered(3000);
    const unreachable = once(a.unreachable);
    const nobody = freshAddressKey().address;
    a.send(nobody, Buffer.alloc(1));
    expect(await unreachable).toBe(nobody);
  });

  it('gives an address to its owner’s newest connection', async () => {
    const { url, server } = await serve();
    const key = freshAddressKey();
    const first = client(url, key);
    await first.registered(3000);
    first.close();
    const [old, sender] = [client(url, key), client(url)];
    await Promise.all([old.registered(3000), sender.registered(3000)]);
    const replaced = once(old.state);
    const anew = client(url, key);
    await anew.registered(3000);
    expect((await replaced).kind).toBe('connecting');
    old.close();
    const received = once(anew.messages);
    sender.send(anew.address, Buffer.from('x'));
    await received;
    expect(server.counters.peers).toBe(2);
  });

  it('knows nobody who does not sign its challenge, for its name', async () => {
    const { url, port } = await serve();
    const key = freshAddressKey();
    const register = (nonce: Buffer, host: string, by = key) =>
      JSON.stringify({
        type: 'register',
        key: key.publicKey.toString('base64url'),
        signature: by.sign(registrationTranscript(nonce, host)).toString('base64url'),
      });
    const host = `127.0.0.1:${port}`;
    for (const forge of [
      () => register(Buffer.alloc(32), host),
      (nonce: Buffer) => register(nonce, 'other.example'),
      (nonce: Buffer) => register(nonce, host, freshAddressKey()),
    ]) {
      const peer = await raw(url);
      peer.socket.send(forge(peer.nonce));
      expect(await peer.closed).toBe(CLOSE.refused);
    }
    const honest = await raw(url);
    honest.socket.send(register(honest.nonce, host));
    expect((await honest.next('registered')).address).toBe(key.address);
  });

  it('passes nothing on for who is not registered', async () => {
    const { url } = await serve();
    const peer = await raw(url);
    peer.socket.send(JSON.stringify({ type: 'send', to: freshAddressKey().address, data: '' }));
    expect(await peer.closed).toBe(CLOSE.refused);
  });

  it('closes on what makes no sense, is too long, too much or too slow', async () => {
    const { url } = await serve({ registerMs: 300, messageBurst: 20 });
    const random = seededRandom(9);
    const nonsense = ['', '{', 'null', '[]', '{"type":"register"}', '{"type":"send","to":"x","data":""}', '"send"', '{"type":"__proto__"}'];
    for (let round = 0; round < 40; round += 1)
      nonsense.push(String.fromCharCode(...Array.from({ length: 20 }, () => Math.floor(random() * 256))));
    for (const text of nonsense) {
      const peer = await raw(url);
      peer.socket.send(text);
      expect(await peer.closed, text).toBe(CLOSE.refused);
    }
    const binary = await raw(url);
    binary.socket.send(Buffer.alloc(10));
    expect(await binary.closed).toBe(CLOSE.refused);
    const long = await raw(url);
    long.socket.send('x'.repeat(MAX_RENDEZVOUS_MESSAGE + 1));
    expect(await long.closed).toBe(1009);
    expect(await (await raw(url)).closed).toBe(CLOSE.refused);
    const a = client(url);
    await a.registered(3000);
    const lost = once(a.state);
    for (let count = 0; count < 30; count += 1) a.send(a.address, Buffer.alloc(1));
    expect(await lost).toMatchObject({ kind: 'connecting', error: { message: expect.stringContaining('too many messages') } });
  });

  it('takes a bounded number of connections from one address', async () => {
    const { url } = await serve({ connectionsPerAddress: 2 });
    await raw(url);
    const second = await raw(url);
    const third = new WebSocket(url);
    expect(await new Promise((resolve) => third.on('close', resolve))).toBe(CLOSE.limit);
    second.socket.close();
    await second.closed;
    await raw(url);
  });

  it('counts pings like messages', async () => {
    const { url } = await serve({ messageBurst: 20 });
    const peer = await raw(url);
    for (let count = 0; count < 30; count += 1) peer.socket.ping();
    expect(await peer.closed).toBe(CLOSE.limit);
  });

  it('keeps a bounded number of answers for who does not read them', async () => {
    const { url, server } = await serve({ messagesPerSecond: 1e9, messageBurst: 1e9, bufferedBytes: 1000 });
    const peer = await raw(url);
    const key = freshAddressKey();
    const signature = key.sign(registrationTranscript(peer.nonce, new URL(url).host)).toString('base64url');
    peer.socket.send(JSON.stringify({ type: 'register', key: key.publicKey.toString('base64url'), signature }));
    await peer.next('registered');
    peer.socket.pause();
    const question = JSON.stringify({ type: 'send', to: freshAddressKey().address, data: '' });
    while (server.counters.dropped === 0) {
      for (let count = 0; count < 1000; count += 1) peer.socket.send(question);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.counters.peers).toBe(1);
  }, 30_000);

  it('takes a bounded number of TCP connections from one address, and none that says nothing for long', async () => {
    const { port, url } = await serve({ connectionsPerAddress: 4, registerMs: 300 });
    const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    closers.push(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.resume().on('close', resolve))));
    const peer = client(url);
    await peer.registered(3000);
  });

  it('lets go of who does not answer any more', async () => {
    const { url, server } = await serve({ heartbeatMs: 100 });
    const a = client(url);
    await a.registered(3000);
    const silent = await raw(url);
    const key = freshAddressKey();
    const signature = key.sign(registrationTranscript(silent.nonce, new URL(url).host)).toString('base64url');
    silent.socket.send(JSON.stringify({ type: 'register', key: key.publicKey.toString('base64url'), signature }));
    await silent.next('registered');
    silent.socket.pause();
    while (server.counters.peers > 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(a.current.kind).toBe('registered');
  });

  it('says which port is taken', async () => {
    const { port } = await serve();
    const other = new RendezvousServer({ clock: systemClock, log: silentLog, limits: DEFAULT_LIMITS, stunPort: () => null });
    await expect(other.start('127.0.0.1', port)).rejects.toMatchObject({ code: 'port-in-use' });
    await expect(other.start('203.0.113.1', 0)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a peer at a rendezvous', () => {
  it('comes back when the rendezvous does, and notices a dead one', async () => {
    const { url, server, port } = await serve();
    const a = client(url, freshAddressKey(), 100);
    await a.registered(3000);
    const lost = once(a.state);
    await server.close();
    expect((await lost).kind).toBe('connecting');
    const again = new RendezvousServer({ clock: systemClock, log: silentLog, limits: DEFAULT_LIMITS, stunPort: () => null });
    closers.push(() => again.close());
    const back = new Promise<void>((resolve) => a.state.on(({ kind }) => kind === 'registered' && resolve()));
    await again.start('127.0.0.1', port);
    await back;
    expect(a.current).toMatchObject({ kind: 'registered', ice: { stun: [] } });
  });

  it('answers one challenge to a connection', async () => {
    const hostile = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closers.push(() => hostile.close());
    const answers: string[] = [];
    const quiet = new Promise<void>((resolve) =>
      hostile.on('connection', (socket) => {
        socket.on('message', (data) => answers.push((data as Buffer).toString()));
        const challenge = JSON.stringify({ type: 'challenge', version: 1, nonce: 'A'.repeat(43), stunPort: null });
        for (let count = 0; count < 50; count += 1) socket.send(challenge);
        // Its pong comes after whatever it had to say to the challenges.
        socket.on('pong', () => resolve());
        socket.ping();
      }),
    );
    await new Promise((resolve) => hostile.on('listening', resolve));
    const address = hostile.address();
    if (typeof address === 'string' || !address) throw new Error('the server has no port');
    client(`ws://127.0.0.1:${address.port}`);
    await quiet;
    hostile.clients.forEach((socket) => socket.terminate());
    expect(answers).toHaveLength(1);
  });

  it('says why it waits no longer', async () => {
    const dead = client('ws://127.0.0.1:9');
    await expect(dead.registered(3000)).rejects.toMatchObject({
      code: 'rendezvous-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    const { url } = await serve();
    const closing = client(url);
    const waiting = closing.registered(3000);
    closing.close();
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a rendezvous for one peer’s neighbours', () => {
  it('takes nobody else in', async () => {
    const admits = (remote: string) => !remote.endsWith('127.0.0.1');
    const server = new RendezvousServer({ clock: systemClock, log: silentLog, limits: DEFAULT_LIMITS, stunPort: () => null, admits });
    closers.push(() => server.close());
    const url = `ws://127.0.0.1:${await server.start('127.0.0.1', 0)}`;
    await expect(client(url).registered(3000)).rejects.toMatchObject({ code: 'rendezvous-unreachable' });
    expect(server.counters).toMatchObject({ connections: 0, refused: 1 });
  });

  it('lets everybody talk to that peer alone', async () => {
    const hub = freshAddressKey();
    const options = { clock: systemClock, log: silentLog, limits: DEFAULT_LIMITS, stunPort: () => null, hub: hub.address };
    const server = new RendezvousServer(options);
    closers.push(() => server.close());
    const url = `ws://127.0.0.1:${await server.start('127.0.0.1', 0)}`;
    const [center, a, b] = [client(url, hub), client(url), client(url)];
    await Promise.all([center, a, b].map((peer) => peer.registered(3000)));
    const [toCenter, toA, refused] = [once(center.messages), once(a.messages), once(a.unreachable)];
    a.send(b.address, Buffer.from('not here'));
    expect(await refused).toBe(b.address);
    a.send(hub.address, Buffer.from('question'));
    expect(await toCenter).toMatchObject({ from: a.address });
    center.send(a.address, Buffer.from('answer'));
    expect(await toA).toMatchObject({ from: hub.address });
    expect(server.counters.relayed).toBe(2);
  });
});
