import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { SimulatedClock, systemClock, type Clock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { readXorMappedAddress } from '../peer/stun/address.ts';
import { StunFrames } from '../peer/stun/frames.ts';
import { ATTRIBUTE, attributeOf, METHOD, STUN_CLASS } from '../peer/stun/message.ts';
import { RawTurn, REQUESTED_UDP, UdpPeer } from '../test/fakes/raw-turn.ts';
import { DEFAULT_LIMITS, type RendezvousLimits } from './limits.ts';
import { RendezvousServer } from './server.ts';
import { TurnCredentials } from './turn/credentials.ts';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from './turn/limits.ts';
import { PeerPolicy } from './turn/peer-policy.ts';
import { TurnServer } from './turn/turn-server.ts';
import { TurnStreams } from './turn/turn-streams.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let tls: { cert: string; key: string };
beforeAll(async () => {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  tls = { cert: certPem, key: keyPem };
});

interface Asked {
  limits?: Partial<RendezvousLimits>;
  turnLimits?: Partial<TurnLimits>;
  secure?: boolean;
  withRelay?: boolean;
  streamClock?: Clock;
}

async function serve({ limits = {}, turnLimits = {}, secure = false, withRelay = true, streamClock = systemClock }: Asked = {}) {
  const clock = systemClock;
  const all = { ...DEFAULT_TURN_LIMITS, ...turnLimits };
  const credentials = new TurnCredentials({ secret: 'a secret for tests', clock, perSecond: 1000, burst: 1000 });
  const relayAddresses = [{ local: '127.0.0.1', announced: '127.0.0.1' }];
  const policy = new PeerPolicy({ clock, ownAddresses: () => [], relayAddresses, allowPrivate: true });
  const relay = new TurnServer({ clock, limits: all, credentials, policy, relayAddresses, ports: [49_152, 65_535] });
  const streams = new TurnStreams({ clock: streamClock, server: withRelay ? relay : null, limits: { ...DEFAULT_LIMITS, ...all } });
  const server = new RendezvousServer({
    ...{ clock, log: silentLog, limits: { ...DEFAULT_LIMITS, ...limits } },
    stunPort: () => null,
    stun: (socket, remote) => streams.accept(socket, remote),
    tls: secure ? tls : null,
  });
  closers.push(
    () => relay.close(),
    () => server.close(),
    () => streams.close(),
  );
  const port = await server.start('127.0.0.1', 0);
  const issue = () => {
    const issued = credentials.issue('peer', '127.0.0.1');
    if (!issued) throw new Error('no credentials');
    return issued;
  };
  return { port, relay, streams, server, issue };
}

/** A client over a stream. */
function turnOver(socket: Socket, issued: { username: string; credential: string }): RawTurn {
  closers.push(() => socket.destroy());
  const frames = new StunFrames();
  const client = new RawTurn((data) => socket.write(Buffer.concat([data, Buffer.alloc(-data.length & 3)])), issued);
  socket.on('error', () => {}).on('data', (chunk: Buffer) => frames.push(chunk)?.forEach((frame) => client.take(frame)));
  return client;
}

const options = (
  port: number,
): SecureContextOptions & { port: number; host: string; rejectUnauthorized: boolean; ALPNProtocols: string[] } => ({
  port,
  host: '127.0.0.1',
  rejectUnauthorized: false,
  ALPNProtocols: ['stun.turn'],
});
const ends = (socket: Socket) => new Promise<void>((resolve) => (socket.resume().once('close', () => resolve()), undefined));

async function websocketSays(url: string): Promise<unknown> {
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  closers.push(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('message', (data) => resolve((JSON.parse((data as Buffer).toString()) as { type: unknown }).type));
    socket.on('error', reject);
  });
}

/** Binding, an allocation, and a datagram there and back. */
async function relays(client: RawTurn, socket: Socket): Promise<void> {
  const { message } = await client.ask(METHOD.binding);
  const mapped = readXorMappedAddress(attributeOf(message, ATTRIBUTE.xorMappedAddress) ?? Buffer.alloc(0), message.transactionId);
  expect(mapped).toEqual({ address: '127.0.0.1', port: socket.localPort });
  expect(message.class).toBe(STUN_CLASS.success);
  const { relayed, error } = await client.allocate();
  expect(error).toBe(0);
  const peer = new UdpPeer();
  closers.push(() => peer.close());
  const at = await peer.bind('127.0.0.5');
  expect((await client.bind(0x4000, at)).error).toBe(0);
  for (const [index, text] of ['odd', 'evenly', 'x'.repeat(1201)].entries()) {
    client.channel(0x4000, text);
    expect((await peer.hears(index + 1))[index]?.data).toBe(text);
    if (relayed) await peer.send(`${text}!`, relayed);
    expect((await client.heard(index + 1))[index]).toEqual({ peer: 0x4000, data: `${text}!` });
  }
}

describe('the one port', () => {
  it('speaks HTTP, WebSocket, STUN and TURN', async () => {
    const { port, relay, issue } = await serve();
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe('ok\n');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(426);
    expect(await websocketSays(`ws://127.0.0.1:${port}`)).toBe('challenge');
    const socket = connect(port, '127.0.0.1');
    await relays(turnOver(socket, issue()), socket);
    expect(relay.size).toBe(1);
    socket.destroy();
    while (relay.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('speaks all of it within TLS too, and still without', async () => {
    const { port, issue } = await serve({ secure: true });
    expect(await websocketSays(`wss://127.0.0.1:${port}`)).toBe('challenge');
    expect(await websocketSays(`ws://127.0.0.1:${port}`)).toBe('challenge');
    const socket = connectTls(options(port));
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('stun.turn');
    await relays(turnOver(socket, issue()), socket);
  });

  it('takes a renewed certificate for those who come from then on', async () => {
    const { port, server } = await serve({ secure: true });
    const shown = async () => {
      const socket = connectTls(options(port));
      closers.push(() => socket.destroy());
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      return socket.getPeerCertificate().fingerprint256;
    };
    const before = await shown();
    const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
      { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
      NamedCurveAlgorithm.secp256r1_23,
    );
    server.useCertificate({ cert: certPem, key: keyPem });
    expect(await shown()).not.toBe(before);
  });

  it('reads a first message that comes byte by byte', async () => {
    const { port, issue } = await serve();
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = turnOver(socket, issue());
    const question = client.write(METHOD.binding, []);
    const answered = client.exchange(question.subarray(0, 20));
    for (const byte of question.subarray(20)) await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()));
    expect((await answered).message.class).toBe(STUN_CLASS.success);
  });

  it('lets go of who says nothing, half a thing, or nonsense', async () => {
    const { port, issue } = await serve({ limits: { registerMs: 200 }, turnLimits: { idleStreamMs: 200 }, secure: true });
    const idle = connect(port, '127.0.0.1');
    const ended = [ends(connectTls(options(port)).on('error', () => {})), ends(idle)];
    const http = Buffer.from('GET / HTTP/1.1\r\nHost:');
    for (const said of [
      Buffer.alloc(0),
      http,
      Buffer.from([0x16, 3, 1, 0, 100]),
      Buffer.from([0, 1, 0, 1]),
      Buffer.from([0xff, 0xfe, 0, 0]),
    ]) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      ended.push(ends(socket));
      socket.write(said);
    }
    await turnOver(idle, issue()).ask(METHOD.binding);
    await Promise.all(ended);
  });
});

describe('a TURN client over TCP', () => {
  it('has one allocation, which ends with its stream', async () => {
    const { port, relay, issue } = await serve();
    const socket = connect(port, '127.0.0.1');
    const client = turnOver(socket, issue());
    expect((await client.allocate()).error).toBe(0);
    expect((await client.ask(METHOD.allocate, [REQUESTED_UDP])).error).toBe(437);
    expect(relay.size).toBe(1);
    // Also when it ends while the port is being opened.
    const hasty = connect(port, '127.0.0.1');
    const other = turnOver(hasty, issue());
    other.learn(await other.ask(METHOD.allocate, [REQUESTED_UDP]));
    hasty.end(other.write(METHOD.allocate, [REQUESTED_UDP]));
    socket.destroy();
    while (relay.size > 0 || relay.counters.allocations > 2) await new Promise((resolve) => setImmediate(resolve));
  });

  it('may be idle while it has an allocation, and not after', async () => {
    const streamClock = new SimulatedClock();
    const { port, streams, issue } = await serve({ streamClock });
    const socket = connect(port, '127.0.0.1');
    const client = turnOver(socket, issue());
    await client.allocate();
    await streamClock.advance(3_600_000);
    expect((await client.refresh(600)).error).toBe(0);
    await client.refresh(0);
    const closed = ends(socket);
    await streamClock.advance(30_000);
    await closed;
    while (streams.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('that does not read loses datagrams, and costs no memory', async () => {
    const { port, relay, streams, issue } = await serve({ turnLimits: { bufferedBytes: 10_000, bytesPerSecond: 1e9, byteBurst: 1e9 } });
    const socket = connect(port, '127.0.0.1');
    const client = turnOver(socket, issue());
    const { relayed } = await client.allocate();
    const peer = new UdpPeer();
    closers.push(() => peer.close());
    await client.permit(await peer.bind('127.0.0.5'));
    socket.pause();
    while (relayed && streams.dropped < 100) {
      for (let count = 0; count < 50; count += 1) await peer.send('x'.repeat(1200), relayed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(relay.counters.droppedUnsent).toBeGreaterThanOrEqual(100);
    socket.resume();
    expect((await client.refresh(600)).error).toBe(0);
  });

  it('that asks without end and reads no answers is let go', async () => {
    const limits = { bufferedBytes: 1000, idleStreamMs: 1e6, stunPerSecondPerAddress: 1e9 };
    const streams = new TurnStreams({ clock: systemClock, server: null, limits });
    // A stream whose far end takes nothing.
    const socket = Object.assign(new Duplex({ read: () => {}, write: () => {} }), { setNoDelay: () => {} });
    const ended = new Promise((resolve) => socket.on('close', resolve));
    streams.accept(socket as unknown as Socket, { address: '198.51.100.1', port: 1 });
    const question = new RawTurn(() => {}, { username: '', credential: '' }).write(METHOD.binding, []);
    for (let count = 0; count < 20; count += 1) socket.push(question);
    expect(streams.size).toBe(1);
    for (let count = 0; count < 60; count += 1) socket.push(question);
    await ended;
    expect(streams.size).toBe(0);
  });

  it('gets no relay where there is none, and Binding all the same', async () => {
    const { port, issue } = await serve({ withRelay: false });
    const client = turnOver(connect(port, '127.0.0.1'), issue());
    void client.ask(METHOD.allocate, [REQUESTED_UDP]);
    expect((await client.ask(METHOD.binding)).message.class).toBe(STUN_CLASS.success);
  });
});
