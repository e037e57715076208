import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import type { PairedCamera } from '../../peer/pairing/paired-camera.ts';
import type { IceOptions } from '../../peer/path/ice-gather.ts';
import { sessionIdOf } from '../../peer/session/session-id.ts';
import { ViewerSession } from '../../peer/session/viewer-session.ts';
import { meet, type Meeting } from '../../peer/signaling/meeting.ts';
import type { Identity } from '../../peer/identity.ts';
import { coturnUnavailable, LoopbackCoturn } from '../fakes/coturn.ts';
import { testLog, World } from './p2p-world.ts';

const unavailable = coturnUnavailable();
let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(() => world.close());

function meeting(identity: Identity, known: PairedCamera): Promise<Meeting> {
  const camera = { publicKey: Buffer.from(known.publicKey, 'base64url'), address: known.address };
  return meet({ rendezvous: known.rendezvous, camera, identity, clock: systemClock, log: testLog, timeoutMs: 5_000 });
}

async function session(identity: Identity, known: PairedCamera, ice: () => IceOptions): Promise<ViewerSession> {
  const { link, close } = await meeting(identity, known);
  const made = await ViewerSession.create({ identity, link, ice, clock: systemClock, log: testLog });
  world.onClose(() => made.close());
  await made.connect();
  close();
  return made;
}

/** Resolves when `holds`, looked at with every packet. */
const until = (made: ViewerSession, holds: () => boolean) =>
  new Promise<void>((resolve) => {
    const off = made.packets.on(() => {
      if (!holds()) return;
      off();
      resolve();
    });
  });

describe.skipIf(unavailable !== null)(`a session over a relay${unavailable ? ` (${unavailable})` : ''}`, () => {
  let coturn: LoopbackCoturn;
  beforeEach(async () => {
    coturn = await LoopbackCoturn.start();
  });
  afterEach(() => coturn.stop());

  it('moves from a relay to a direct path without losing a frame', async () => {
    const camera = world.camera();
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    let policy: IceOptions['policy'] = 'relay';
    const made = await session(app, known, () => ({ stun: [], turn: [coturn.server()], policy }));
    const numbers = new Map<number, Set<number>>();
    made.packets.on(({ ssrc, sequenceNumber }) => numbers.set(ssrc, (numbers.get(ssrc) ?? new Set()).add(sequenceNumber)));
    const count = () => [...numbers.values()].reduce((sum, { size }) => sum + size, 0);
    await until(made, () => count() > 50);
    expect(made.path?.kind).toBe('relay');
    expect(made.relayedBytes).toBeGreaterThan(10_000);

    policy = 'all';
    made.tellNat();
    await until(made, () => made.path?.kind === 'host');
    const before = count();
    const relayed = made.relayedBytes;
    await until(made, () => count() > before + 100);
    expect(made.relayedBytes).toBe(relayed);
    expect(made.attempts[0]).toMatchObject({ ok: true });
    // One stream from beginning to end, and no number missing in it.
    expect(numbers.size).toBe(1);
    const [all] = [...numbers.values()];
    const sorted = [...(all ?? [])].sort((a, b) => a - b);
    expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0) + 1).toBe(sorted.length);
  }, 60_000);

  it('is not had where the app wants none: neither end offers one', async () => {
    const camera = world.camera('strict', { turn: [coturn.server()] });
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    const made = await session(app, known, () => ({ stun: [], turn: [coturn.server()], policy: 'direct' }));
    await until(made, () => true);
    expect(made.path?.kind).toBe('host');
    expect(made.pairs.flatMap(({ localKind, remoteKind }) => [localKind, remoteKind])).not.toContain('relay');
  });
});

describe('a camera that goes through a relay only', () => {
  it('is not reached by an app that may not use one, rather than directly after all', async () => {
    const camera = world.camera('shy', { icePolicy: 'relay' });
    const app = world.app();
    const known = await world.pair(app, camera.invite());
    const made = session(app, known, () => ({ stun: [], turn: [], policy: 'direct' }));
    await expect(made).rejects.toMatchObject({ code: 'relay-not-allowed' });
  });
});

describe('another path', () => {
  it('is not given to another app', async () => {
    const camera = world.camera();
    const [app, other] = [world.app(), world.app()];
    const known = await world.pair(app, camera.invite());
    await world.pair(other, camera.invite());
    const first = await meeting(app, known);
    const made = await ViewerSession.create({
      identity: app,
      link: first.link,
      ice: () => ({ stun: [], turn: [], policy: 'all' }),
      clock: systemClock,
      log: testLog,
    });
    world.onClose(() => made.close());
    await made.connect();
    first.close();
    const id = sessionIdOf(first.link.handshakeHash);
    const ice = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuv', candidates: [] };
    const offer = { id: 1, relay: false, ice, punch: null };
    const ask = async (identity: Identity) => {
      const { link, close } = await meeting(identity, known);
      const reply = await link.ask({ type: 'path', session: id, offer }, 5_000);
      close();
      return reply;
    };
    expect(await ask(other)).toMatchObject({ type: 'refused', code: 'not-found' });
    expect(await ask(app)).toMatchObject({ type: 'path', answer: { id: 1 } });
  });
});
