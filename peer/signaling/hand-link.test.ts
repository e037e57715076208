import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { utcMs } from '../../electron/base/units.ts';
import { createIdentity, type Identity } from '../identity.ts';
import { newSecret, type Invite } from '../pairing/invite.ts';
import { HAND_MS, readOffer } from './by-hand.ts';
import { HandLink } from './hand-link.ts';

const offer = { type: 'offer', sdp: 'v=0', relay: true, reliableHandshake: true } as const;
const reply = { type: 'answer', sdp: 'v=1', reliableHandshake: true } as const;
const paired = { type: 'paired', name: 'Yard' } as const;
const refused = { type: 'refused', code: 'invite-used', text: 'Used.' } as const;

let clock: SimulatedClock;
let camera: Identity;
let invite: Invite;
beforeEach(() => {
  clock = new SimulatedClock();
  camera = createIdentity(randomBytes(32));
  const { publicKey, addressKey } = camera;
  const expires = utcMs(clock.now() + 3_600_000);
  invite = { publicKey, address: addressKey.address, rendezvous: [], secret: newSecret(), expires, name: 'Camera' };
});

function link(withInvite: boolean): HandLink {
  const identity = createIdentity(randomBytes(32));
  return new HandLink({ identity, camera, invite: withInvite ? invite : null, appName: 'Laptop', clock });
}
const read = async (of: HandLink) => readOffer(await of.text(), camera, clock.now());

describe('a link that people carry', () => {
  it('asks by a text, and goes on when the answer is pasted', async () => {
    const by = link(false);
    const text = by.text();
    const answer = by.ask(offer);
    expect(await text).toBe(await by.text());
    const received = await read(by);
    expect(received).toMatchObject({ offer, pair: null });
    await clock.advance(HAND_MS / 2);
    by.answer(received.writeAnswer({ paired: null, reply }));
    expect(await answer).toEqual(reply);
    expect(by.handshakeHash.equals(received.handshakeHash)).toBe(true);
    expect(by.remotePublicKey.equals(camera.publicKey)).toBe(true);
    expect(by.paired).toBeNull();
  });

  it('lets an app with an invite be let in by the same two texts', async () => {
    const by = link(true);
    const answer = by.ask(offer);
    const received = await read(by);
    expect(received.pair?.name).toBe('Laptop');
    by.answer(received.writeAnswer({ paired, reply }));
    expect(await answer).toEqual(reply);
    expect(by.paired).toEqual({
      publicKey: camera.publicKey.toString('base64url'),
      address: camera.addressKey.address,
      rendezvous: [],
      name: 'Yard',
    });
  });

  it('says to both who wait what the camera refused with', async () => {
    const by = link(true);
    const answer = by.ask(offer);
    const received = await read(by);
    expect(() => by.answer(received.writeAnswer({ paired: refused, reply: null }))).toThrowError(
      expect.objectContaining({ code: 'invite-used' }) as Error,
    );
    await expect(answer).rejects.toMatchObject({ code: 'invite-used', message: 'Used.' });
    const silent = link(true);
    const unanswered = silent.ask(offer);
    const other = await read(silent);
    expect(() => silent.answer(other.writeAnswer({ paired: null, reply }))).toThrowError(
      expect.objectContaining({ code: 'protocol-error' }) as Error,
    );
    await expect(unanswered).rejects.toMatchObject({ code: 'protocol-error' });
    expect(silent.paired).toBeNull();
  });

  it('takes one answer, and is not harmed by what is none', async () => {
    const by = link(false);
    const wrong = (text: string) => expect(() => by.answer(text)).toThrowError(expect.objectContaining({ code: 'answer-wrong' }) as Error);
    wrong('keyhole-answer:AAAA');
    const answer = by.ask(offer);
    wrong('keyhole-answer:AAAA');
    const other = link(false);
    void other.ask(offer);
    wrong((await read(other)).writeAnswer({ paired: null, reply }));
    const text = (await read(by)).writeAnswer({ paired: null, reply });
    by.answer(text);
    expect(await answer).toEqual(reply);
    wrong(text);
  });

  it('carries one question', async () => {
    const by = link(false);
    void by.ask(offer);
    await expect(by.ask(offer)).rejects.toMatchObject({ code: 'internal' });
    await expect(link(false).ask({ type: 'pair', invite: '', proof: '', name: '' })).rejects.toMatchObject({ code: 'internal' });
  });

  it('ends after ten minutes, or when it is withdrawn', async () => {
    const [late, withdrawn, idle] = [link(false), link(false), link(false)];
    const waiting = [late.ask(offer), withdrawn.ask(offer), idle.text()].map((promise) => promise.catch((error: unknown) => error));
    withdrawn.close();
    await clock.advance(HAND_MS);
    expect(await Promise.all(waiting)).toMatchObject([{ code: 'peer-absent' }, { code: 'closed' }, { code: 'peer-absent' }]);
    for (const by of [late, withdrawn]) {
      expect(() => by.answer('keyhole-answer:AAAA')).toThrowError();
      await expect(by.ask(offer)).rejects.toThrowError();
    }
  });
});
