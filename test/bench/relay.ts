import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { restPassword, restUsername } from '../../peer/stun/long-term.ts';
import { coturnUnavailable, LoopbackCoturn } from '../fakes/coturn.ts';
import { RawTurn, UdpPeer } from '../fakes/raw-turn.ts';
import { Program } from '../fakes/program.ts';
import { cpuDuring } from './cpu.ts';
import type { BenchRow } from './row.ts';

/** What relaying a packet costs in CPU: our relay, and Debian's coturn under the same load in the same run. Loopback, UDP both sides. */
const SECRET = 'a secret of the bench alone';
const RELAY = '127.0.0.1';
const PEER = '127.0.0.5';
/** Bytes of a media packet, packets of a burst, bursts; 1,600 packets a second go up, and come back: below the limit of one allocation. */
const PAYLOAD = 1200;
const BURST = 8;
const EVERY_MS = 5;
const ROUNDS = 2_000;

export async function run(): Promise<BenchRow[]> {
  const own = await ownRelay();
  const ours = await perPacketUs(own.pid, own.port).finally(() => own.stop());
  const coturn = coturnUnavailable() === null ? await LoopbackCoturn.start([`--static-auth-secret=${SECRET}`]) : null;
  const theirs = coturn && (await perPacketUs(coturn.pid, coturn.port).finally(() => coturn.stop()));
  return [
    {
      name: 'CPU of the built-in relay, a packet',
      value: ours,
      unit: 'us',
      ...(theirs ? { against: { name: 'coturn', value: theirs, ratio: ours / theirs } } : {}),
    },
  ];
}

interface Relay {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<unknown>;
}

async function ownRelay(): Promise<Relay> {
  const folder = mkdtempSync(join(tmpdir(), 'keyhole-relay-'));
  writeFileSync(join(folder, 'secret'), SECRET);
  const place = ['--bind', RELAY, '--port', '0', '--stun-port', '0'];
  const flags = [...place, '--turn', '--turn-secret-file', join(folder, 'secret'), '--relay-allow-private'];
  const program = new Program(['rendezvous', ...flags]);
  const { stunPort } = await program.event('listening');
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true });
  };
  return { pid: program.child.pid ?? 0, port: Number(stunPort), stop };
}

/** Microseconds of the relay's CPU for each packet that it relayed, either way. */
async function perPacketUs(pid: number, port: number): Promise<number> {
  const peer = new UdpPeer();
  const at = await peer.bind(PEER);
  // What a peer hears is not kept: it goes back.
  peer.socket.removeAllListeners('message').on('message', (data, from) => peer.socket.send(data, from.port, from.address));
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, RELAY, resolve));
  const username = restUsername(Date.now() / 1000 + 600, 'bench');
  const client = new RawTurn((data) => socket.send(data, port, RELAY), { username, credential: restPassword(SECRET, username) });
  let back = 0;
  socket.on('message', (data) => ((data[0] ?? 0) & 0xc0 ? (back += 1) : client.take(data)));
  const { error } = await client.allocate();
  if (error !== 0 || (await client.bind(0x4000, at)).error !== 0) throw new Error(`the relay refuses: ${error}`);
  const payload = Buffer.alloc(PAYLOAD);
  let sent = 0;
  const [seconds = 0] = await cpuDuring([pid], async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const next = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      for (let count = 0; count < BURST; count += 1) client.channel(0x4000, payload);
      sent += BURST;
      await next;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  await client.refresh(0);
  socket.close();
  peer.close();
  if (back < sent / 2) throw new Error(`of ${sent} packets only ${back} came back: too busy a machine to measure`);
  return (seconds * 1e6) / (sent + back);
}
