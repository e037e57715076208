import { systemClock } from '../../electron/base/clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INVITE_MS } from '../../camera/pairing-store.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { freshAddressKey, type Identity } from '../../peer/identity.ts';
import { formatInvite, newSecret, parseInvite } from '../../peer/pairing/invite.ts';
import type { PairedCamera } from '../../peer/pairing/paired-camera.ts';
import { Transport } from '../../peer/session/transport.ts';
import { ask } from '../../peer/signaling/link.ts';
import { RendezvousClient } from '../../peer/signaling/rendezvous-client.ts';
import { openChannel, type SecureChannel } from '../../peer/signaling/secure-channel.ts';
import { lyingRendezvous } from '../fakes/rendezvous.ts';
import { testLog, World } from './p2p-world.ts';

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(() => world.close());

describe('an invite', () => {
  it('pairs both ends: the app knows the camera, the camera the app', async () => {
    const camera = world.camera('front door');
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    expect(known).toEqual({
      publicKey: camera.identity.publicKey.toString('base64url'),
      address: camera.identity.addressKey.address,
      rendezvous: [world.url],
      name: 'front door',
    });
    expect(camera.pairing.isPaired(app.publicKey)).toBe(true);
  });

  it('is good once: another app is told that it was used, the same app is let in again', async () => {
    const camera = world.camera();
    const [first, second] = [world.app(), world.app()];
    const invite = camera.invite();
    await world.pair(first, invite);
    await expect(world.pair(second, invite)).rejects.toMatchObject({ code: 'invite-used' });
    expect(camera.pairing.isPaired(second.publicKey)).toBe(false);
    await expect(world.pair(first, invite)).resolves.toMatchObject({ name: 'yard' });
  });

  it('that was used stays used when the camera starts anew, and its app stays paired', async () => {
    const camera = world.camera();
    const app = world.app();
    const invite = camera.invite();
    await world.pair(app, invite);
    await camera.close();
    const again = world.camera();
    expect(again.pairing.isPaired(app.publicKey)).toBe(true);
    await expect(world.pair(world.app(), invite)).rejects.toMatchObject({ code: 'invite-used' });
  });

  it('with a wrong secret, or of no known invite, is called wrong', async () => {
    const camera = world.camera();
    const invite = parseInvite(camera.invite());
    const forged = formatInvite({ ...invite, secret: newSecret() });
    await expect(world.pair(world.app(), forged)).rejects.toMatchObject({ code: 'invite-wrong' });
  });

  it('expires', async () => {
    const clock = new SimulatedClock(Date.now() - INVITE_MS - 60_000);
    const camera = world.camera('old', { clock });
    const invite = camera.invite();
    clock.jump(INVITE_MS + 1_000);
    const app = world.app();
    await expect(world.pair(app, invite)).rejects.toMatchObject({ code: 'invite-expired' });
    expect(camera.pairing.isPaired(app.publicKey)).toBe(false);
  });

  it('whose camera is not there says so', async () => {
    const camera = world.camera();
    const invite = camera.invite();
    await camera.close();
    await expect(world.pair(world.app(), invite)).rejects.toMatchObject({ code: 'peer-absent' });
  });

  it('whose rendezvous is not there says so', async () => {
    const invite = formatInvite({ ...parseInvite(world.camera().invite()), rendezvous: ['ws://127.0.0.1:9'] });
    await expect(world.pair(world.app(), invite)).rejects.toMatchObject({ code: 'rendezvous-unreachable' });
  });

  it('names several rendezvous: any that works will do', async () => {
    const camera = world.camera();
    const invite = parseInvite(camera.invite());
    await expect(world.pair(world.app(), formatInvite({ ...invite, rendezvous: ['ws://127.0.0.1:9', world.url] }))).resolves.toMatchObject({
      name: 'yard',
    });
  });
});

describe('a rendezvous that poses as the camera', () => {
  it('is found out, and does not hide the camera from who can meet it at another', async () => {
    const camera = world.camera();
    const invite = parseInvite(camera.invite());
    const place = await lyingRendezvous();
    world.onClose(() => place.close());
    const liar = place.url;
    const app = world.app();
    for (const rendezvous of [[liar], [liar, 'ws://127.0.0.1:9']])
      await expect(world.pair(app, formatInvite({ ...invite, rendezvous }))).rejects.toMatchObject({ code: 'identity-mismatch' });
    const known = await world.pair(app, formatInvite({ ...invite, rendezvous: [liar, world.url] }));
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
  });
});

describe('an app that is not paired', () => {
  it('gets no session, though it knows key and address of the camera', async () => {
    const camera = world.camera();
    const known = await world.pair(world.app(), camera.invite());
    const { sink } = world.source(world.app(), known);
    await sink.until(({ statuses }) => statuses.some(({ reason }) => reason?.code === 'not-paired'));
    expect(sink.units).toEqual([]);
  });
});

/** A channel of an app that does as it pleases. */
async function channelOf(identity: Identity, known: PairedCamera): Promise<SecureChannel> {
  const client = new RendezvousClient({ url: world.url, addressKey: freshAddressKey(), clock: world.clock, log: testLog });
  world.onClose(() => client.close());
  client.start();
  await client.registered(5_000);
  const remote = { publicKey: Buffer.from(known.publicKey, 'base64url'), address: known.address };
  return openChannel({ client, identity, remote, clock: world.clock });
}

async function anOffer(): Promise<string> {
  const transport = await Transport.create('viewer', { stun: [], turn: [], policy: 'all' }, systemClock, testLog);
  world.onClose(() => transport.close());
  return transport.createOffer();
}

describe('an app that asks too much', () => {
  it('gets one answer over a channel, and none to what it asks after that', async () => {
    const camera = world.camera();
    const known = await world.pair(world.app(), camera.invite());
    const channel = await channelOf(world.app(), known);
    let answers = 0;
    channel.messages.on(() => (answers += 1));
    for (let count = 0; count < 20; count += 1) channel.send({ type: 'offer', sdp: '' });
    // What comes over a later channel comes later: by then the others would have been answered.
    const later = await channelOf(world.app(), known);
    expect(await ask(later, world.clock, 5_000, { type: 'offer', sdp: '' })).toMatchObject({ code: 'not-paired' });
    expect(answers).toBe(1);
  });

  it('does not keep the other apps out with sessions that it never completes', async () => {
    const camera = world.camera();
    const greedy = world.app();
    const known = await world.pair(greedy, camera.invite());
    const other = world.app();
    const otherKnown = await world.pair(other, camera.invite());
    const sdp = await anOffer();
    const channels = await Promise.all(Array.from({ length: 20 }, () => channelOf(greedy, known)));
    const replies = await Promise.all(
      channels.map((channel) => ask(channel, world.clock, 10_000, { type: 'offer', sdp }).catch(() => null)),
    );
    expect(replies.some((reply) => reply?.type === 'answer')).toBe(true);
    const { sink } = world.source(other, otherKnown);
    await sink.until(({ units }) => units.length > 0);
    expect(sink.statuses.some(({ reason }) => reason?.code === 'too-busy')).toBe(false);
  });
});

describe('a camera with another key', () => {
  it('at the address of the paired one is found out', async () => {
    const camera = world.camera();
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    const other = world.app().publicKey.toString('base64url');
    const { sink } = world.source(app, { ...known, publicKey: other });
    // The camera cannot even read what is sealed for another key: it stays silent.
    await sink.until(({ statuses }) =>
      statuses.some(({ reason }) => reason?.code === 'peer-absent' && reason.text.includes('does not answer')),
    );
    expect(sink.units).toEqual([]);
  });
});
