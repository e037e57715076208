import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { createIdentity, freshAddressKey, type AddressKey, type Identity } from '../identity.ts';
import { NoiseInitiator } from '../noise.ts';
import { FRAME, frameHeader, prologue } from './frames.ts';
import { RendezvousClient } from './rendezvous-client.ts';
import { openChannel, type SecureChannel } from './secure-channel.ts';
import { LISTENER_LIMITS, SecureListener, type ListenerLimits } from './secure-listener.ts';

interface Carried {
  from: string;
  to: string;
  data: Buffer;
}

/** A rendezvous in our own hands: it sees every message, and does with it what it likes. */
class HostileRendezvous {
  readonly carried: Carried[] = [];
  readonly #clients = new Map<string, RendezvousClient>();
  /** What to deliver in place of a message. */
  tamper: (message: Carried) => readonly Carried[] = (message) => [message];

  client(addressKey: AddressKey, clock: SimulatedClock): RendezvousClient {
    const client = new RendezvousClient({ url: 'ws://rendezvous.test', addressKey, clock, log: silentLog });
    vi.spyOn(client, 'send').mockImplementation((to, data) => {
      const message = { from: client.address, to, data: Buffer.from(data) };
      this.carried.push(message);
      for (const other of this.tamper(message)) this.deliver(other);
      return true;
    });
    this.#clients.set(client.address, client);
    return client;
  }

  deliver({ from, to, data }: Carried): void {
    this.#clients.get(to)?.messages.emit({ from, data: Buffer.from(data) });
  }
}

let clock: SimulatedClock;
let rendezvous: HostileRendezvous;
let camera: Identity;
let app: Identity;
beforeEach(() => {
  clock = new SimulatedClock();
  rendezvous = new HostileRendezvous();
  camera = createIdentity(randomBytes(32));
  app = createIdentity(randomBytes(32));
});
afterEach(() => void vi.restoreAllMocks());

function listen(limits: Partial<ListenerLimits> = {}, known: readonly Identity[] = []) {
  const heard: string[] = [];
  const channels: SecureChannel[] = [];
  const client = rendezvous.client(camera.addressKey, clock);
  const listener = new SecureListener({
    client,
    identity: camera,
    clock,
    log: silentLog,
    limits: { ...LISTENER_LIMITS, ...limits },
    isKnown: (key) => known.some(({ noisePublicKey }) => noisePublicKey.equals(key)),
    onChannel: (channel, first) => {
      channels.push(channel);
      heard.push(first);
      channel.messages.on((text) => heard.push(text));
    },
  });
  return { listener, heard, channels };
}

const open = (identity = app, publicKey: Uint8Array = camera.publicKey) =>
  openChannel({
    client: rendezvous.client(freshAddressKey(), clock),
    identity,
    remote: { publicKey, address: camera.addressKey.address },
    clock,
    // Before a handshake is said again.
    timeoutMs: 390,
  });

/** `promise` settles while simulated time goes on. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  while (!done) await clock.advance(100);
  return promise;
}

describe('a secure channel', () => {
  it('tells each end who the other is, and carries messages both ways, in order', async () => {
    const { heard, channels } = listen();
    const channel = await settled(open());
    channel.send({ n: 1 });
    channel.send({ n: 2 });
    expect(heard).toEqual(['{"n":1}', '{"n":2}']);
    const [answering] = channels;
    expect(answering?.remotePublicKey.equals(app.publicKey)).toBe(true);
    expect(channel.remotePublicKey.equals(camera.publicKey)).toBe(true);
    expect(answering?.handshakeHash.equals(channel.handshakeHash)).toBe(true);
    const replies: string[] = [];
    channel.messages.on((text) => replies.push(text));
    answering?.send({ reply: true });
    expect(replies).toEqual(['{"reply":true}']);
  });

  it('shows the rendezvous nothing of what is said, nor who speaks', async () => {
    listen();
    const channel = await settled(open());
    channel.send({ secret: 'fingerprint-of-the-session' });
    const all = Buffer.concat(rendezvous.carried.map(({ data }) => data));
    for (const hidden of ['fingerprint-of-the-session', camera.publicKey, app.publicKey, app.noisePublicKey])
      expect(all.includes(hidden)).toBe(false);
  });

  it('lets no altered byte through', async () => {
    const { heard } = listen();
    const channel = await settled(open());
    channel.send({ n: 1 });
    const [sent] = rendezvous.carried.slice(-1);
    if (!sent) throw new Error('nothing was sent');
    const count = heard.length;
    for (let at = 0; at < sent.data.length; at += 1) {
      const data = Buffer.from(sent.data);
      data[at] = (data[at] ?? 0) ^ 1;
      rendezvous.deliver({ ...sent, data });
    }
    expect(heard.length).toBe(count);
  });

  it('takes each message once, and none from before', async () => {
    const { heard } = listen();
    const channel = await settled(open());
    channel.send({ n: 1 });
    channel.send({ n: 2 });
    for (const message of [...rendezvous.carried]) rendezvous.deliver(message);
    expect(heard).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('cannot be turned back on its sender', async () => {
    listen();
    const channel = await settled(open());
    const replies: string[] = [];
    channel.messages.on((text) => replies.push(text));
    channel.send({ n: 1 });
    const [sent] = rendezvous.carried.slice(-1);
    if (sent) rendezvous.deliver({ from: sent.to, to: sent.from, data: sent.data });
    expect(replies).toEqual([]);
  });

  it('to another camera than the pinned one does not come about', async () => {
    listen();
    const other = createIdentity(randomBytes(32));
    await expect(settled(open(app, other.publicKey))).rejects.toMatchObject({ code: 'peer-absent' });
  });

  it('is refused when the rendezvous answers itself, with a key of its own', async () => {
    const mallory = createIdentity(randomBytes(32));
    const victim = rendezvous.client(freshAddressKey(), clock);
    const posing = rendezvous.client(camera.addressKey, clock);
    new SecureListener({
      client: posing,
      identity: { ...mallory, addressKey: camera.addressKey },
      clock,
      log: silentLog,
      onChannel: () => {},
    });
    const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
    await expect(settled(openChannel({ client: victim, identity: app, remote, clock, timeoutMs: 390 }))).rejects.toMatchObject({
      code: 'peer-absent',
    });
  });

  it('is refused when the answer was altered on the way', async () => {
    listen();
    rendezvous.tamper = (message) => {
      const data = Buffer.from(message.data);
      if (data[0] === 2) data[60] = (data[60] ?? 0) ^ 1;
      return [{ ...message, data }];
    };
    await expect(settled(open())).rejects.toMatchObject({ code: 'identity-mismatch' });
  });

  it('between other addresses than those of its ends does not come about', async () => {
    const { channels } = listen();
    const elsewhere = rendezvous.client(freshAddressKey(), clock);
    rendezvous.tamper = (message) => (message.to === camera.addressKey.address ? [{ ...message, from: elsewhere.address }] : [message]);
    await expect(settled(open())).rejects.toMatchObject({ code: 'peer-absent' });
    expect(channels).toEqual([]);
  });

  it('comes about although the first messages are lost, as they are while the camera is known by a dead connection', async () => {
    const { channels } = listen();
    const client = rendezvous.client(freshAddressKey(), clock);
    const send = vi.spyOn(client, 'send').mockReturnValueOnce(true).mockReturnValueOnce(true);
    const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
    const channel = await settled(openChannel({ client, identity: app, remote, clock, timeoutMs: 5_000 }));
    const times = send.mock.calls.length;
    expect(times).toBe(3);
    await clock.advance(10_000);
    expect(send).toHaveBeenCalledTimes(times);
    channel.send({ n: 1 });
    expect(channels).toHaveLength(1);
  });

  it('fails with its rendezvous', async () => {
    listen();
    const client = rendezvous.client(freshAddressKey(), clock);
    const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
    const channel = await settled(openChannel({ client, identity: app, remote, clock }));
    const lost = vi.fn();
    channel.lost.on(lost);
    client.state.emit({ kind: 'connecting', error: null });
    expect(lost).toHaveBeenCalledOnce();
    expect(channel.send({ n: 1 })).toBe(false);
  });
});

describe('the camera’s end', () => {
  it('does nothing for a handshake that is played again', async () => {
    const { channels, listener } = listen();
    const channel = await settled(open());
    channel.send({ n: 1 });
    const [first] = rendezvous.carried;
    if (!first) throw new Error('nothing was carried');
    for (let round = 0; round < 3; round += 1) {
      rendezvous.deliver(first);
      await clock.advance(LISTENER_LIMITS.idleMs + 1);
      rendezvous.deliver(first);
    }
    // Whatever else of the old channel is played again finds no taker either: the keys are others.
    for (const message of [...rendezvous.carried]) rendezvous.deliver(message);
    expect(channels).toHaveLength(1);
    expect(listener.halfOpen).toBeLessThanOrEqual(1);
  });

  it('does nothing before the first message has shown that the peer is there', async () => {
    const { channels, listener } = listen();
    await settled(open());
    expect(channels).toEqual([]);
    expect(listener.halfOpen).toBe(1);
    await clock.advance(LISTENER_LIMITS.halfOpenMs + 1);
    rendezvous.deliver({ from: 'a'.repeat(32), to: camera.addressKey.address, data: Buffer.alloc(17) });
    expect(listener.halfOpen).toBe(0);
  });

  it('keeps a bounded number of handshakes and channels, the newest ones', async () => {
    const { listener, channels } = listen({ halfOpen: 4, channels: 3, handshakeBurst: 100 });
    const opened: SecureChannel[] = [];
    for (let count = 0; count < 6; count += 1) opened.push(await settled(open()));
    expect(listener.halfOpen).toBe(4);
    for (const channel of opened) channel.send({ n: 1 });
    expect(channels).toHaveLength(4);
    const heard = vi.fn();
    for (const channel of channels) channel.messages.on(heard);
    for (const channel of opened) channel.send({ n: 2 });
    expect(heard).toHaveBeenCalledTimes(3);
  });

  it('answers a bounded number of handshakes a second', async () => {
    const { listener } = listen({ handshakeBurst: 2, handshakesPerSecond: 1, halfOpen: 100 });
    const first = rendezvous.carried;
    await settled(open());
    await settled(open());
    const tried = open().catch(() => {});
    expect(listener.refused).toBe(1);
    await clock.advance(2_000);
    await tried;
    expect(first.filter(({ data }) => data[0] === 2)).toHaveLength(2);
    await settled(open());
    expect(listener.refused).toBe(1);
  });

  it('lets a paired app in while strangers use up what there is for them', async () => {
    const { listener, channels } = listen({ handshakeBurst: 3, handshakesPerSecond: 0.001, halfOpen: 2, channels: 2 }, [app]);
    const early = await settled(open());
    const strangers = Array.from({ length: 10 }, () => open(createIdentity(randomBytes(32))).catch(() => null));
    const let_in = (await settled(Promise.all(strangers))).filter((channel) => channel !== null);
    expect(let_in).toHaveLength(3);
    expect(listener.refused).toBe(7);
    // Neither its half-open handshake nor its channel gave way to theirs.
    for (const channel of let_in) channel.send({ n: 0 });
    early.send({ n: 1 });
    (await settled(open())).send({ n: 2 });
    expect(channels.filter(({ remotePublicKey }) => remotePublicKey.equals(app.publicKey))).toHaveLength(2);
  });

  it('looks at a bounded number of handshakes of one sender, and does not let others pay for it', async () => {
    const { listener } = listen({ handshakesPerSecond: 0.001, handshakeBurst: 10, looksPerSecond: 0.001, looksBurst: 10 });
    const busy = rendezvous.client(freshAddressKey(), clock);
    const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
    const tries = Array.from({ length: 50 }, () =>
      openChannel({ client: busy, identity: app, remote, clock, timeoutMs: 390 }).catch(() => {}),
    );
    await settled(Promise.all(tries));
    expect(listener.refused).toBe(50 - LISTENER_LIMITS.senderBurst);
    await settled(open());
  });

  it('gives nothing to who only claims the key of a paired app, and takes nothing of that app’s share', async () => {
    const { listener, channels } = listen({ handshakeBurst: 1, handshakesPerSecond: 0.001 }, [app]);
    const thief = createIdentity(randomBytes(32));
    for (let count = 0; count < 5; count += 1) {
      const from = freshAddressKey().address;
      const channel = randomBytes(16).toString('base64url');
      const noise = new NoiseInitiator(
        {
          prologue: prologue(channel, from, camera.addressKey.address),
          staticKey: { privateKey: thief.noiseKey, publicKey: app.noisePublicKey },
        },
        camera.noisePublicKey,
      );
      const data = Buffer.concat([frameHeader(FRAME.first, channel), noise.writeFirst(() => Buffer.alloc(98))]);
      rendezvous.deliver({ from, to: camera.addressKey.address, data });
    }
    expect(listener.refused).toBe(5);
    expect(listener.halfOpen).toBe(0);
    (await settled(open())).send({ n: 1 });
    expect(channels).toHaveLength(1);
    await expect(settled(open())).rejects.toMatchObject({ code: 'peer-absent' });
  });

  it('shrugs at ten thousand messages of noise', async () => {
    const { listener, channels } = listen({ handshakeBurst: 50 });
    const channel = await settled(open());
    channel.send({ n: 1 });
    const random = seededRandom(1);
    const { data: good } = rendezvous.carried[0] ?? { data: Buffer.alloc(0) };
    for (let round = 0; round < 10_000; round += 1) {
      const data =
        random() < 0.5 ? Buffer.alloc(Math.floor(random() * 200)) : Buffer.from(good.subarray(0, Math.floor(random() * good.length)));
      for (let at = 0; at < data.length; at += 1) if (random() < 0.3) data[at] = Math.floor(random() * 256);
      if (data.length > 0) data[0] = Math.floor(random() * 5);
      rendezvous.deliver({ from: channel.remoteAddress, to: camera.addressKey.address, data });
    }
    expect(channels).toHaveLength(1);
    expect(listener.halfOpen).toBe(0);
  });
});
