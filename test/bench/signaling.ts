import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { freshAddressKey } from '../../peer/identity.ts';
import { registrationTranscript } from '../../peer/signaling/rendezvous-messages.ts';
import type { BenchRow } from './row.ts';

const PEERS = 10_000;
const AT_A_TIME = 100;
const MESSAGES = 20_000;
/** About what an offer is when it is sealed. */
const BODY = 'A'.repeat(4_000);

interface Usage {
  readonly rss: number;
  readonly cpu: { readonly user: number; readonly system: number };
}

interface Peer {
  readonly socket: WebSocket;
  readonly name: string | number;
}

/** What one server process needs for ten thousand peers that are there, and for each message that it passes on. */
export async function run(): Promise<BenchRow[]> {
  const ours = await measure('rendezvous', registered);
  const bare = await measure('bare', numbered);
  const row = (name: string, value: number, other: number, unit: string, target?: string): BenchRow => ({
    name,
    value,
    unit,
    against: { name: 'the WebSocket library alone', value: other, ratio: value / other },
    ...(target ? { target } : {}),
  });
  return [
    row(`rendezvous: memory for each of ${PEERS} registered peers`, ours.kbEach, bare.kbEach, 'kB'),
    row('rendezvous: CPU to let a peer in, its signature checked', ours.registerUs, bare.registerUs, 'us'),
    row('rendezvous: CPU to pass on a message of 4 kB', ours.messageUs, bare.messageUs, 'us'),
  ];
}

async function measure(kind: string, enter: (url: string) => Promise<Peer>) {
  const server = fork(join(import.meta.dirname, 'signaling-server.ts'), [kind], { execArgv: ['--expose-gc'] });
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const url = `ws://127.0.0.1:${port}`;
  const peers: Peer[] = [];
  try {
    const before = await usage(server);
    while (peers.length < PEERS) peers.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, () => enter(url)))));
    const joined = await usage(server);
    await passOn(peers);
    const after = await usage(server);
    return {
      kbEach: (joined.rss - before.rss) / PEERS / 1000,
      registerUs: cpu(before, joined) / PEERS,
      messageUs: cpu(joined, after) / MESSAGES,
    };
  } finally {
    for (const { socket } of peers) socket.terminate();
    server.kill('SIGKILL');
  }
}

/** Peers in pairs, a few messages under way at a time. */
async function passOn(peers: readonly Peer[]): Promise<void> {
  let sent = 0;
  let arrived = 0;
  await new Promise<void>((resolve) => {
    const next = () => {
      const index = sent % (peers.length - 1);
      const [from, to] = [peers[index], peers[index + 1]];
      sent += 1;
      if (from && to) from.socket.send(JSON.stringify({ type: 'send', to: to.name, data: BODY }));
    };
    for (const { socket } of peers) {
      socket.on('message', () => {
        arrived += 1;
        if (arrived === MESSAGES) resolve();
        else if (sent < MESSAGES) next();
      });
    }
    for (let begun = 0; begun < 32; begun += 1) next();
  });
}

async function usage(server: ChildProcess): Promise<Usage> {
  const told = once(server, 'message') as Promise<[Usage]>;
  server.send({});
  return (await told)[0];
}

const cpu = (from: Usage, to: Usage): number => to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system;

async function registered(url: string): Promise<Peer> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const [challenge] = (await once(socket, 'message')) as [Buffer];
  const { nonce } = JSON.parse(challenge.toString('utf8')) as { nonce: string };
  const key = freshAddressKey();
  const signature = key.sign(registrationTranscript(Buffer.from(nonce, 'base64url'), new URL(url).host));
  socket.send(JSON.stringify({ type: 'register', key: key.publicKey.toString('base64url'), signature: signature.toString('base64url') }));
  await once(socket, 'message');
  return { socket, name: key.address };
}

async function numbered(url: string): Promise<Peer> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const [told] = (await once(socket, 'message')) as [Buffer];
  return { socket, name: (JSON.parse(told.toString('utf8')) as { number: number }).number };
}
