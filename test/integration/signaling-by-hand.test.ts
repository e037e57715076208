import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByHand } from '../../camera/by-hand.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { EngineClient } from '../../electron/contract/client.ts';
import { Engine } from '../../electron/engine/engine.ts';
import { fromWorkerPort } from '../../electron/engine/ports.ts';
import { P2pSource } from '../../electron/sources/p2p/source.ts';
import { HandOffers } from '../../electron/sources/p2p/hand-offers.ts';
import type { Identity } from '../../peer/identity.ts';
import { Program } from '../fakes/program.ts';
import { Sink, testLog, World } from './p2p-world.ts';

/** A camera and an app that no server and no search brings together: two texts do. */

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

function offersOf(identity: Identity): HandOffers {
  const offers = new HandOffers({ identity, ice: () => ({ stun: [], turn: [], policy: 'all' }), clock: systemClock, log: testLog });
  world.onClose(() => offers.close());
  return offers;
}

/** The terminal of a camera: takes a line, gives back its answer, or what it says to people. */
function terminalOf(camera: ReturnType<World['camera']>) {
  const said = new Emitter<{ answer: string | null; text: string }>();
  const io = {
    event: (line: Readonly<Record<string, unknown>>) => said.emit({ answer: String(line.answer), text: '' }),
    text: (text: string) => said.emit({ answer: null, text }),
  };
  const { identity, peer } = camera;
  const byHand = new ByHand({ identity, peer, clock: systemClock, io, people: false });
  const input = new PassThrough();
  byHand.start(input);
  world.onClose(() => byHand.close());
  return (line: string) =>
    new Promise<{ answer: string | null; text: string }>((resolve) => {
      const off = said.on((heard) => {
        off();
        resolve(heard);
      });
      input.write(`${line}\n`);
    });
}

function sourceOf(identity: Identity, offers: HandOffers, camera: Parameters<World['source']>[1]): Sink {
  const sink = new Sink();
  const takeSession = () => offers.take(camera.publicKey);
  const source = new P2pSource({ identity, camera, clock: systemClock, log: testLog, events: sink.events, takeSession });
  world.onClose(() => source.close());
  source.start();
  return sink;
}

describe('an offer that is carried by hand', () => {
  it('pairs and shows the picture, without any server and without the network being searched', async () => {
    const camera = world.camera('yard', { rendezvous: [] });
    const [app, type] = [world.app(), terminalOf(camera)];
    const offers = offersOf(app);
    const { ticket, offer } = await offers.offer(camera.invite());
    const { answer } = await type(offer);
    const { stored, name } = await offers.answer(ticket, answer ?? '');
    expect(name).toBe('yard');
    expect(camera.pairing.isPaired(app.publicKey)).toBe(true);
    const sink = sourceOf(app, offers, stored);
    await sink.until(({ units }) => units.length >= 10);
    expect(sink.statuses.map(({ state }) => state)).not.toContain('offline');
    expect(sink.statuses.at(-1)?.path).toMatchObject({ kind: 'host' });
  });

  it('lets nobody in who only has a copy of it, nor twice', async () => {
    const camera = world.camera('yard', { rendezvous: [] });
    const [app, type] = [world.app(), terminalOf(camera)];
    const offers = offersOf(app);
    const { ticket, offer } = await offers.offer(camera.invite());
    const { answer } = await type(offer);
    expect((await type(offer)).text).toContain('answered already');
    // The thief has offer and answer, and an offer of his own for the same camera.
    const thief = offersOf(world.app());
    const { ticket: his } = await thief.offer(camera.invite());
    await expect(thief.answer(his, answer ?? '')).rejects.toMatchObject({ code: 'answer-wrong' });
    await expect(offers.answer('no ticket', answer ?? '')).rejects.toMatchObject({ code: 'not-found' });
    await offers.answer(ticket, answer ?? '');
    await expect(offers.answer(ticket, answer ?? '')).rejects.toMatchObject({ code: 'not-found' });
    expect(camera.pairing.apps).toHaveLength(1);
  });

  it('with an invite that is used says so in the answer', async () => {
    const camera = world.camera('yard', { rendezvous: [] });
    const type = terminalOf(camera);
    const invite = camera.invite();
    const first = offersOf(world.app());
    const one = await first.offer(invite);
    await first.answer(one.ticket, (await type(one.offer)).answer ?? '');
    const second = offersOf(world.app());
    const other = await second.offer(invite);
    await expect(second.answer(other.ticket, (await type(other.offer)).answer ?? '')).rejects.toMatchObject({ code: 'invite-used' });
    expect(camera.pairing.apps).toHaveLength(1);
  });

  it('is one of a few: the oldest goes', async () => {
    const camera = world.camera('yard', { rendezvous: [] });
    const type = terminalOf(camera);
    const offers = offersOf(world.app());
    const all = [];
    for (let n = 0; n < 5; n += 1) all.push(await offers.offer(camera.invite()));
    const [oldest] = all;
    const { answer } = await type(oldest?.offer ?? '');
    await expect(offers.answer(oldest?.ticket ?? '', answer ?? '')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('makes a camera of the app, by its contract', async () => {
    const camera = world.camera('yard', { rendezvous: [] });
    const type = terminalOf(camera);
    const options = { dataDir: join(world.dir, 'data'), dataKey: new Uint8Array(randomBytes(32)), host: 'browser', notices: [] } as const;
    const engine = await Engine.open(options, { clock: systemClock, log: testLog, onFailure: () => {} });
    world.onClose(() => engine.close());
    const { port1, port2 } = new MessageChannel();
    engine.serve(fromWorkerPort(port1));
    const client = new EngineClient(fromWorkerPort(port2));
    const { ticket, offer, qr } = await client.call('cameras.offerByHand', { invite: camera.invite() });
    expect(qr?.length).toBeGreaterThan(20);
    const { answer } = await type(offer);
    const added = await client.call('cameras.answerByHand', { ticket, answer: answer ?? '' });
    expect(added).toMatchObject({ name: 'yard', source: { kind: 'p2p', rendezvous: [] } });
    const states = async () => (await client.call('cameras.list', {})).map(({ state }) => state);
    await vi.waitFor(async () => expect(await states()).toEqual(['live']), 20_000);
  });

  it('is answered by the real program on its standard input', async () => {
    const camera = new Program(['camera', '--source', 'test:?fps=10', '--name', 'Yard', '--no-lan', '--state', `${world.dir}/yard`]);
    world.onClose(async () => void (await camera.stop()));
    const invite = String((await camera.event('pairing')).invite);
    const app = world.app();
    const offers = offersOf(app);
    const { ticket, offer } = await offers.offer(invite);
    camera.child.stdin?.write(`${offer}\n`);
    const { stored } = await offers.answer(ticket, String((await camera.event('answer')).answer));
    const sink = sourceOf(app, offers, stored);
    await sink.until(({ units }) => units.length >= 10, 40_000);
    await camera.event('session');
    expect(await camera.stop()).toBe(0);
  }, 90_000);
});
