import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { formatInvite, parseInvite } from '../../peer/pairing/invite.ts';
import { DEFAULT_LIMITS } from '../../rendezvous/limits.ts';
import { RendezvousServer } from '../../rendezvous/server.ts';
import { DEAD_RENDEZVOUS, hangingRendezvous, lyingRendezvous, rendezvousLostMidway, type BadPlace } from '../fakes/rendezvous.ts';
import { testLog, World } from './p2p-world.ts';

/** Several independent rendezvous, of which all but one are lost, hang or lie. */

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(() => world.close());

async function another(): Promise<{ url: string; server: RendezvousServer }> {
  const server = new RendezvousServer({ clock: systemClock, log: testLog, limits: DEFAULT_LIMITS, stunPort: () => null });
  world.onClose(() => server.close());
  return { url: `ws://127.0.0.1:${await server.start('127.0.0.1', 0)}`, server };
}

async function bad(make: Promise<BadPlace>): Promise<BadPlace> {
  const place = await make;
  world.onClose(() => place.close());
  return place;
}

/** The rendezvous of `known` as the app knows them. */
const at = <T>(known: T, rendezvous: readonly string[]): T => ({ ...known, rendezvous });

describe('a camera at several rendezvous', () => {
  it('is paired with though the rendezvous is lost between the handshake and the answer', async () => {
    const { url } = await another();
    const camera = world.camera('yard', { rendezvous: [world.url, url] });
    const lost = await bad(rendezvousLostMidway(world.url));
    const app = world.app();
    const invite = formatInvite({ ...parseInvite(camera.invite()), rendezvous: [lost.url, url] });
    expect(await world.pair(app, invite)).toMatchObject({ name: 'yard' });
    expect(camera.pairing.isPaired(app.publicKey)).toBe(true);
    expect(lost.connections()).toBe(1);
  });

  it('shows its pictures in one attempt though the rendezvous is lost in the middle of the set-up', async () => {
    const { url } = await another();
    const camera = world.camera('yard', { rendezvous: [world.url, url] });
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    const lost = await bad(rendezvousLostMidway(world.url));
    const { sink } = world.source(app, at(known, [lost.url, url]));
    await sink.until(({ units }) => units.length > 0);
    expect(sink.statuses.map(({ state }) => state)).not.toContain('offline');
    expect(lost.connections()).toBe(1);
  });

  it('is found at the only one that is left, whatever the others do', async () => {
    const { url } = await another();
    const camera = world.camera('yard', { rendezvous: [world.url, url] });
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    await world.server?.close();
    const others = [DEAD_RENDEZVOUS, (await bad(hangingRendezvous())).url, (await bad(lyingRendezvous())).url];
    const { sink } = world.source(app, at(known, [...others, url]));
    await sink.until(({ units }) => units.length > 0);
    expect(sink.statuses.map(({ state }) => state)).not.toContain('offline');
  });

  it('comes back to a session by another when the one that worked is gone', async () => {
    const { url } = await another();
    const camera = world.camera('yard', { rendezvous: [world.url, url] });
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    const { sink } = world.source(app, at(known, [world.url, url]));
    await sink.until(({ units }) => units.length > 0);
    await world.server?.close();
    await camera.close();
    const again = world.camera('yard', { rendezvous: [world.url, url] });
    await sink.until(({ units }) => units.some(({ timeline }) => timeline > (units[0]?.timeline ?? 0)));
    expect(again.pairing.isPaired(app.publicKey)).toBe(true);
  });
});
