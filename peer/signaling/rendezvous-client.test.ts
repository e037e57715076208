import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { Backoff } from '../../electron/base/retry.ts';
import { DEFAULT_LIMITS } from '../../rendezvous/limits.ts';
import { RendezvousServer, type IceHandout } from '../../rendezvous/server.ts';
import { freshAddressKey } from '../identity.ts';
import { RendezvousClient, type RendezvousState } from './rendezvous-client.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(ice?: IceHandout) {
  const server = new RendezvousServer({
    clock: systemClock,
    log: silentLog,
    limits: DEFAULT_LIMITS,
    stunPort: () => 3478,
    ...(ice && { ice }),
  });
  closers.push(() => server.close());
  return { server, port: await server.start('127.0.0.1', 0) };
}

/** A way to the server that swallows everything, what is under way too, while it is cut. */
class Way {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#take(socket));
  readonly #to: number;
  #cut = false;
  taken = 0;

  constructor(to: number) {
    this.#to = to;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (!address || typeof address === 'string') throw new Error('no port');
    return `ws://127.0.0.1:${address.port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  mend(): void {
    this.#cut = false;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(near: Socket): void {
    this.taken += 1;
    this.#sockets.add(near.on('error', () => {}));
    if (this.#cut) return void near.pause();
    const far = connect(this.#to, '127.0.0.1').on('error', () => {});
    this.#sockets.add(far);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }
}

function client(url: string, clock: SimulatedClock, backoff = new Backoff(), heartbeatMs = 10_000) {
  const made = new RendezvousClient({ url, addressKey: freshAddressKey(), clock, log: silentLog, backoff, heartbeatMs });
  closers.push(() => made.close());
  made.start();
  return made;
}

const nextState = (of: RendezvousClient) =>
  new Promise<RendezvousState>((resolve) => {
    const off = of.state.on((state) => {
      off();
      resolve(state);
    });
  });

/** Resolves when all that was sent to the peer so far has arrived. */
async function caughtUp(of: RendezvousClient): Promise<void> {
  const echo = new Promise<void>((resolve) => {
    const off = of.messages.on(() => (off(), resolve()));
  });
  of.send(of.address, Buffer.alloc(1));
  await echo;
}

describe('a registration whose owner suspects that the network changed', () => {
  it('stays when the rendezvous answers', async () => {
    const clock = new SimulatedClock();
    const { port, server } = await serve();
    const a = client(`ws://127.0.0.1:${port}`, clock);
    await a.registered(3000);
    for (let round = 0; round < 3; round += 1) {
      a.check();
      await caughtUp(a);
      await clock.advance(2000);
    }
    expect(a.current.kind).toBe('registered');
    expect(server.counters.connections).toBe(1);
  });

  it('is given up after a second, and had again at once when the network is back', async () => {
    const clock = new SimulatedClock();
    const { port, server } = await serve();
    const way = new Way(port);
    closers.push(() => way.close());
    const a = client(await way.start(), clock);
    await a.registered(3000);
    way.cut();
    a.check();
    const lost = nextState(a);
    await clock.advance(1000);
    expect((await lost).kind).toBe('connecting');
    // Each attempt hangs, and another is made all the same, but not without end.
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1000);
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(a.current.kind).toBe('connecting');
    expect(way.taken).toBeGreaterThan(8);
    way.mend();
    // No faster than the sockets can answer, or every attempt is given up before it is heard.
    for (let turn = 0; a.current.kind !== 'registered' && turn < 2000; turn += 1) {
      await clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(a.current.kind).toBe('registered');
    await caughtUp(a);
    expect(server.counters.peers).toBe(1);
  });

  it('is tried for each second for a minute, and then ever more seldom', async () => {
    const clock = new SimulatedClock();
    const backoff = new Backoff();
    const a = client('ws://127.0.0.1:9', clock, backoff);
    await nextState(a);
    const slow: number[] = [];
    const next = vi.spyOn(backoff, 'next').mockImplementation(() => (slow.push(clock.monotonic()), 10_000));
    for (let attempts = 1; slow.length < 2; attempts += 1) {
      const failed = nextState(a);
      if (attempts === 1) a.check();
      else await clock.advance(slow.length > 0 ? 10_000 : 1000);
      await failed;
      expect(attempts).toBeLessThan(200);
    }
    next.mockRestore();
    expect(slow[0]).toBeGreaterThanOrEqual(60_000);
    expect(slow[0]).toBeLessThanOrEqual(62_000);
  });

  it('is made anew once, also when several attempts come through together', async () => {
    const clock = new SimulatedClock();
    const { port, server } = await serve();
    const a = client(`ws://127.0.0.1:${port}`, clock);
    for (let count = 0; count < 5; count += 1) a.check();
    await a.registered(3000);
    await caughtUp(a);
    await clock.advance(5000);
    await caughtUp(a);
    expect(server.counters).toMatchObject({ peers: 1, refused: 0 });
  });
});

describe('the ICE servers of a rendezvous', () => {
  it('come with the registration, and anew before their credentials end', async () => {
    const clock = new SimulatedClock();
    let given = 0;
    const { port } = await serve((address) => ({
      stun: ['stun::3478', 'stun:[2001:db8::1]'],
      stunAlternate: 'stun:203.0.113.2:3479',
      turn: [{ urls: ['turn::3478?transport=udp', 'turn:?transport=tcp'], username: address, credential: `${(given += 1)}`, ttlS: 1000 }],
    }));
    const a = client(`ws://127.0.0.1:${port}`, clock, new Backoff(), 1e9);
    const { ice } = await a.registered(3000);
    const user = { username: a.address, credential: '1' };
    expect(ice).toEqual({
      stun: ['stun:127.0.0.1:3478', 'stun:[2001:db8::1]:3478'],
      stunAlternate: 'stun:203.0.113.2:3479',
      turn: [
        { url: 'turn:127.0.0.1:3478?transport=udp', ...user },
        { url: `turn:127.0.0.1:${port}?transport=tcp`, ...user },
      ],
    });
    const renewed = nextState(a);
    await clock.advance(740_000);
    await caughtUp(a);
    expect(given).toBe(1);
    await clock.advance(10_000);
    expect(await renewed).toMatchObject({ kind: 'registered', ice: { turn: [{ credential: '2' }, { credential: '2' }] } });
    expect(given).toBe(2);
  });
});
