import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { createIdentity, freshAddressKey, type Identity } from '../peer/identity.ts';
import { LanBrowser } from '../peer/lan/browser.ts';
import { lanInterfaces, type LanInterface } from '../peer/lan/interfaces.ts';
import { meet } from '../peer/signaling/meeting.ts';
import { RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { SecureListener } from '../peer/signaling/secure-listener.ts';
import { LanEndpoint } from './lan-endpoint.ts';

const TIMEOUT_MS = 5_000;
const closers: (() => unknown)[] = [];
let camera: Identity;
let dnsPort: number;
beforeEach(async () => {
  camera = createIdentity(randomBytes(32));
  const probe = createSocket('udp4');
  await new Promise<void>((resolve) => probe.bind(0, '0.0.0.0', resolve));
  dnsPort = probe.address().port;
  await new Promise<void>((resolve) => probe.close(resolve));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const loopback = () => lanInterfaces('loopback');

/** A camera that says hello to whoever asks. */
async function onLan(interfaces: () => readonly LanInterface[] = loopback): Promise<{ endpoint: LanEndpoint; close(): Promise<void> }> {
  const { address } = camera.addressKey;
  const endpoint = new LanEndpoint({ address, interfaces, clock: systemClock, log: silentLog, dnsPort });
  await endpoint.start();
  const client = new RendezvousClient({ url: endpoint.url ?? '', addressKey: camera.addressKey, clock: systemClock, log: silentLog });
  const onChannel: ConstructorParameters<typeof SecureListener>[0]['onChannel'] = (channel) =>
    void channel.send({ type: 'paired', name: 'Yard' });
  const listener = new SecureListener({ client, identity: camera, clock: systemClock, log: silentLog, onChannel });
  client.start();
  await client.registered(TIMEOUT_MS);
  const close = async () => {
    listener.close();
    client.close();
    await endpoint.close();
  };
  closers.push(close);
  return { endpoint, close };
}

async function meets() {
  const lan = new LanBrowser({ clock: systemClock, log: silentLog, interfaces: loopback, port: dnsPort });
  closers.push(() => lan.close());
  lan.start();
  const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
  const identity = createIdentity(randomBytes(32));
  const meeting = await meet({ rendezvous: [], camera: remote, identity, clock: systemClock, log: silentLog, timeoutMs: TIMEOUT_MS, lan });
  closers.push(() => meeting.close());
  return meeting;
}

describe('a camera on its own network', () => {
  it('is met there and proven like anywhere else, also when it has begun anew', async () => {
    const first = await onLan();
    const before = await meets();
    expect(before).toMatchObject({ kind: 'lan', ice: { stun: [], turn: [] } });
    expect(await before.link.ask({ type: 'offer', sdp: '' }, TIMEOUT_MS)).toEqual({ type: 'paired', name: 'Yard' });
    await first.close();
    expect(first.endpoint.url).toBeNull();
    await onLan();
    const after = await meets();
    expect(after.via).not.toBe(before.via);
    expect(after.link.remotePublicKey.equals(camera.publicKey)).toBe(true);
  });

  it('introduces nobody to anybody but itself', async () => {
    const { endpoint } = await onLan();
    const [a, b] = [0, 1].map(() => {
      const client = new RendezvousClient({ url: endpoint.url ?? '', addressKey: freshAddressKey(), clock: systemClock, log: silentLog });
      closers.push(() => client.close());
      client.start();
      return client;
    });
    if (!a || !b) throw new Error('there are two');
    await Promise.all([a.registered(TIMEOUT_MS), b.registered(TIMEOUT_MS)]);
    const refused = new Promise<string>((resolve) => a.unreachable.on(resolve));
    a.send(b.address, Buffer.from('psst'));
    expect(await refused).toBe(b.address);
  });

  it('says nothing where there is no network, and does not mind', async () => {
    const { endpoint, close } = await onLan(() => []);
    expect(endpoint.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    await close();
  });
});
