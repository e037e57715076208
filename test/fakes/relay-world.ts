import { expect } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import type { Endpoint } from '../../peer/stun/address.ts';
import { TurnCredentials } from '../../rendezvous/turn/credentials.ts';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from '../../rendezvous/turn/limits.ts';
import { PeerPolicy } from '../../rendezvous/turn/peer-policy.ts';
import { TurnClient } from '../../rendezvous/turn/turn-client.ts';
import { TurnServer } from '../../rendezvous/turn/turn-server.ts';
import { RawTurn, UdpPeer } from './raw-turn.ts';

export const SECRET = 'a secret for tests';
export const RELAY = '127.0.0.1';
export const PEER = '127.0.0.5';
/** What is to be closed after a test. */
const closers: (() => unknown)[] = [];
export async function closeRelays(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** A relay on loopback, which may have loopback peers, and clients that stand beside it. */
export function relay(limits: Partial<TurnLimits> = {}, options: { allowPrivate?: boolean; ports?: [number, number] } = {}) {
  const clock = new SimulatedClock();
  const all = { ...DEFAULT_TURN_LIMITS, ...limits };
  const credentials = new TurnCredentials({ secret: SECRET, clock, perSecond: 1000, burst: 1000 });
  const relayAddresses = [RELAY, '::1'].map((local) => ({ local, announced: local }));
  const { allowPrivate = true, ports = [49_152, 65_535] } = options;
  const policy = new PeerPolicy({ clock, ownAddresses: () => ['203.0.113.77', RELAY, '::1'], relayAddresses, allowPrivate });
  const server = new TurnServer({ clock, limits: all, credentials, policy, relayAddresses, ports });
  closers.push(() => server.close());
  let port = 1000;
  const client = (of: string | { username: string; credential: string } = `peer-${port}`, from = `198.51.100.${port % 250}`) => {
    const remote = { address: from, port: (port += 1) };
    const issued = typeof of === 'string' ? credentials.issue(of, remote.address) : of;
    if (!issued) throw new Error('no credentials');
    const sent: Buffer[] = [];
    const hear = (bytes: Buffer) => {
      sent.push(bytes);
      raw.take(bytes);
    };
    const turnClient = new TurnClient(
      {
        remote,
        answer: (message) => hear(message),
        send: (data) => {
          hear(Buffer.isBuffer(data) ? data : Buffer.concat(data));
          return true;
        },
      },
      () => {},
    );
    const raw: RawTurn = new RawTurn((data) => server.receive(turnClient, data), issued);
    return Object.assign(raw, {
      remote,
      sent,
      receive: (data: Buffer) => server.receive(turnClient, data),
      gone: () => server.forget(turnClient),
    });
  };
  return { clock, server, client, credentials };
}

export async function peerAt(address = PEER, port = 0) {
  const peer = new UdpPeer(address.includes(':'));
  closers.push(() => peer.close());
  return Object.assign(peer, { at: await peer.bind(address, port) });
}

export async function allocated(client: RawTurn): Promise<Endpoint> {
  const { relayed, error } = await client.allocate();
  expect(error).toBe(0);
  if (!relayed) throw new Error('no relayed address');
  return relayed;
}
