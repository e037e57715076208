import { execFile, execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createStunOverTurnClient } from 'werift';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { freshAddressKey } from '../../peer/identity.ts';
import { allocateRelay } from '../../peer/path/turn-client.ts';
import { RendezvousClient, type RegisteredState } from '../../peer/signaling/rendezvous-client.ts';
import { coturnUnavailable, LoopbackCoturn } from '../fakes/coturn.ts';
import { Program } from '../fakes/program.ts';
import { UdpPeer } from '../fakes/raw-turn.ts';

/** Why a program is not here, or null. */
function missing(program: string): string | null {
  try {
    execFileSync(program, ['-h'], { stdio: 'ignore' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return `${program} is not installed`;
  }
  return null;
}

const SECRET = 'a secret of these tests';
const folder = mkdtempSync(join(tmpdir(), 'keyhole-relay-test-'));
const [secretFile, cert, key] = ['secret', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string, string];
writeFileSync(secretFile, SECRET);
const noOpenssl = missing('openssl');
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Running {
  readonly program: Program;
  readonly url: string;
  readonly stunPort: number;
  readonly port: number;
}

async function start(...flags: string[]): Promise<Running> {
  const program = new Program(['rendezvous', '--port', '0', '--stun-port', '0', ...flags]);
  const event = await program.event('listening');
  const url = String(event.url);
  return { program, url, stunPort: Number(event.stunPort), port: Number(new URL(url).port) };
}

const RELAY_FLAGS = ['--turn', '--turn-secret-file', secretFile, '--relay-allow-private'];

async function registered(url: string): Promise<RegisteredState> {
  const client = new RendezvousClient({ url, addressKey: freshAddressKey(), clock: systemClock, log: silentLog });
  closers.push(() => client.close());
  client.start();
  return client.registered(10_000);
}

/** A UDP socket that sends everything back. */
async function echo(address: string): Promise<{ address: string; port: number }> {
  const peer = new UdpPeer(address.includes(':'));
  closers.push(() => peer.close());
  const at = await peer.bind(address);
  peer.socket.on('message', (data, from) => peer.socket.send(data, from.port, from.address));
  return at;
}

const noClient = missing('turnutils_uclient');

describe.skipIf(noClient !== null)(`the relay, asked by coturn's client${noClient ? ` (${noClient})` : ''}`, () => {
  let relay: Running;
  beforeAll(async () => {
    const relays = ['--relay-address', '127.0.0.1', '--relay-address', '::1'];
    relay = await start('--bind', '127.0.0.1', ...RELAY_FLAGS, ...relays);
  });
  afterAll(async () => {
    expect(await relay?.program.stop()).toBe(0);
  });

  /** Bytes that the client sent and got back. */
  async function exchanged(...flags: string[]): Promise<{ sent: number; received: number }> {
    const base = ['-c', '-n', '10', '-m', '2', '-l', '172', '-z', '5', '-u', 'somebody', '-W', SECRET];
    const { stdout } = await promisify(execFile)('turnutils_uclient', [...base, ...flags, '127.0.0.1'], { timeout: 30_000 });
    const [, sent, received] = /tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)(?![\s\S]*tot_send_bytes)/.exec(stdout) ?? [];
    return { sent: Number(sent), received: Number(received) };
  }
  const ALL = { sent: 2 * 10 * 172, received: 2 * 10 * 172 };
  const to = ({ address, port }: { address: string; port: number }) => ['-e', address, '-r', `${port}`];

  it('over UDP, in channels and in indications', async () => {
    const peer = await echo('127.0.0.5');
    expect(await exchanged('-p', `${relay.stunPort}`, ...to(peer))).toEqual(ALL);
    expect(await exchanged('-s', '-p', `${relay.stunPort}`, ...to(peer))).toEqual(ALL);
  });

  it('over TCP, on the port of the WebSocket', async () => {
    expect(await exchanged('-t', '-p', `${relay.port}`, ...to(await echo('127.0.0.5')))).toEqual(ALL);
  });

  it('from one of its clients to another, of IPv4 and of IPv6', async () => {
    expect(await exchanged('-y', '-t', '-p', `${relay.port}`)).toEqual(ALL);
    expect(await exchanged('-y', '-x', '-p', `${relay.stunPort}`)).toEqual(ALL);
  });

  it('and goes on after its negative tests', async () => {
    const peer = to(await echo('127.0.0.5'));
    const base = ['-c', '-n', '1', '-m', '1', '-u', 'somebody', '-W', SECRET, ...peer];
    for (const flag of ['-N', '-R', '-O']) {
      for (const where of [
        ['-p', `${relay.stunPort}`],
        ['-t', '-p', `${relay.port}`],
      ]) {
        // It waits without end for answers to what is none: then it has done what it should.
        await promisify(execFile)('turnutils_uclient', [flag, ...base, ...where, '127.0.0.1'], { timeout: 3_000 }).catch(() => {});
      }
    }
    expect(await exchanged('-p', `${relay.stunPort}`, ...peer)).toEqual(ALL);
  });

  it.skipIf(noOpenssl !== null)(`over TLS, on the port of the WebSocket${noOpenssl ? ` (${noOpenssl})` : ''}`, async () => {
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const make = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
    ];
    execFileSync('openssl', [...make, ...name], { stdio: 'ignore' });
    const secure = await start('--bind', '127.0.0.1', ...RELAY_FLAGS, '--tls-cert', cert, '--tls-key', key);
    closers.push(() => secure.program.stop());
    // The name that the certificate is for.
    expect(secure.url).toBe(`wss://localhost:${secure.port}`);
    const peer = await echo('127.0.0.5');
    const { sent, received } = await exchanged('-t', '-S', '-E', cert, '-p', `${secure.port}`, ...to(peer));
    expect(sent).toBe(ALL.sent);
    expect(received).toBeGreaterThan(0);
    // The client reads one message of a TLS record, which may hold several: the relay knows better what it sent.
    expect(await secure.program.stop()).toBe(0);
    expect(secure.program.log).toContain('turnPacketsToPeers=20 ');
    expect(secure.program.log).toContain('turnPacketsToClients=20 ');
  });
});

const noDiscovery = missing('turnutils_natdiscovery');

describe.skipIf(noDiscovery !== null)(`STUN, asked by coturn's clients${noDiscovery ? ` (${noDiscovery})` : ''}`, () => {
  const ask = async (program: string, ...args: string[]) => (await promisify(execFile)(program, args, { timeout: 50_000 })).stdout;

  it('tells that there is no NAT, from two addresses and two ports', async () => {
    const { program, stunPort } = await start('--bind', '127.0.0.1', '--stun-alt-address', '127.0.0.2');
    closers.push(() => program.stop());
    const asked = ['-p', `${stunPort}`, '127.0.0.1'];
    const text = await ask('turnutils_natdiscovery', '-m', '-f', '-L', '127.0.0.1', ...asked);
    expect(text.match(/No NAT!/g)).toHaveLength(2);
    expect(text).toContain('NAT with Endpoint Independent Mapping!');
    expect(text).toContain('NAT with Endpoint Independent Filtering!');
    const [, otherPort] = /Other addr: : 127\.0\.0\.2:(\d+)/.exec(text) ?? [];
    expect(Number(otherPort)).not.toBe(stunPort);
    for (const origin of [`127.0.0.1:${stunPort}`, `127.0.0.2:${stunPort}`, `127.0.0.2:${otherPort}`])
      expect(text).toContain(`Response origin: : ${origin}`);
    expect(await ask('turnutils_stunclient', ...asked)).not.toContain('error');
  });

  it('tells its own address over IPv6', async () => {
    const { program, stunPort } = await start('--bind', '::1');
    closers.push(() => program.stop());
    expect(await ask('turnutils_stunclient', '-p', `${stunPort}`, '::1')).toMatch(/UDP reflexive addr: .*::1/);
  });
});

describe('the relay, asked by the TURN client of the ICE library and by our own', () => {
  let relay: Running;
  beforeAll(async () => {
    relay = await start('--bind', '127.0.0.1', ...RELAY_FLAGS);
  });
  afterAll(() => relay?.program.stop());

  it.each(['udp', 'tcp'] as const)('carries datagrams both ways, over %s', async (transport) => {
    const { ice } = await registered(relay.url);
    const server = ice.turn.find(({ url }) => url.endsWith(`transport=${transport}`));
    if (!server) throw new Error(`no relay over ${transport}`);
    const { address, port } = await echo('127.0.0.5');
    const [, host = '', at = ''] = /^turn:([^:]+):(\d+)/.exec(server.url) ?? [];
    const { username, credential: password } = server;
    const clients = [
      await createStunOverTurnClient({ address: [host, Number(at)], username, password }, { transport }),
      await allocateRelay(server, systemClock, new AbortController().signal),
    ];
    for (const client of clients) {
      closers.push(() => client.close());
      const back = new Promise<string>((resolve) => client.onDataReceived.subscribe((data) => resolve(data.toString())));
      await client.sendData(Buffer.from('there and back'), [address, port]);
      expect(await back).toBe('there and back');
    }
  });

  it('takes its allocations back when they are given back', async () => {
    const { ice } = await registered(relay.url);
    const [server] = ice.turn;
    if (!server) throw new Error('no relay');
    const client = await allocateRelay(server, systemClock, new AbortController().signal);
    const relayed = client.turn.relayedAddress;
    await client.close();
    // Its port can be had again.
    const socket: Socket = createSocket('udp4');
    closers.push(() => socket.close());
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(relayed?.[1] ?? 0, '127.0.0.1', resolve));
  });
});

const noCoturn = coturnUnavailable();

it.skipIf(noCoturn !== null)(
  `a rendezvous without a relay gives credentials that coturn takes${noCoturn ? ` (${noCoturn})` : ''}`,
  async () => {
    const coturn = await LoopbackCoturn.start([`--static-auth-secret=${SECRET}`]);
    closers.push(() => coturn.stop());
    const { program, url } = await start(
      '--bind',
      '127.0.0.1',
      '--turn-secret-file',
      secretFile,
      '--turn-url',
      `turn:127.0.0.1:${coturn.port}`,
    );
    closers.push(() => program.stop());
    const { ice } = await registered(url);
    const [server] = ice.turn;
    if (!server) throw new Error('no relay');
    const client = await allocateRelay(server, systemClock, new AbortController().signal);
    closers.push(() => client.close());
    const { address, port } = await echo('127.0.0.5');
    const back = new Promise<string>((resolve) => client.onDataReceived.subscribe((data) => resolve(data.toString())));
    await client.sendData(Buffer.from('by coturn'), [address, port]);
    expect(await back).toBe('by coturn');
  },
);
