import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../electron/base/errors.ts';
import { utcMs } from '../../electron/base/units.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { createIdentity } from '../identity.ts';
import { formatInvite, inviteId, isSecretProof, newSecret, parseInvite, proveSecret, tidyName, type Invite } from './invite.ts';
import { parsePairedCamera } from './paired-camera.ts';

function anInvite(change: Partial<Invite> = {}): Invite {
  const identity = createIdentity(randomBytes(32));
  return {
    publicKey: identity.publicKey,
    address: identity.addressKey.address,
    rendezvous: ['ws://203.0.113.7:8485'],
    secret: newSecret(),
    expires: utcMs(1_800_000_000_000),
    name: 'Hühnerstall 🐔',
    ...change,
  };
}

const malformed = (uri: string) =>
  expect(() => parseInvite(uri), uri).toThrowError(expect.objectContaining({ code: 'invite-malformed' }) as Error);

describe('an invite', () => {
  it('says what went into it', () => {
    for (const invite of [
      anInvite(),
      anInvite({ name: '', rendezvous: ['wss://a.example/path', 'ws://[2001:db8::1]:1', 'ws://c', 'ws://d'] }),
      // Met on its own network only.
      anInvite({ rendezvous: [] }),
    ]) {
      expect(parseInvite(formatInvite(invite))).toEqual(invite);
    }
  });

  it('fits into a QR code that a telephone reads', () => expect(formatInvite(anInvite()).length).toBeLessThan(220));

  it('may stand in white space', () => {
    const invite = anInvite();
    expect(parseInvite(`\n  ${formatInvite(invite)}\t\n`)).toEqual(invite);
  });

  it('with any one letter changed is malformed', () => {
    const uri = formatInvite(anInvite());
    for (let at = 8; at < uri.length; at += 1) malformed(uri.slice(0, at) + (uri[at] === 'A' ? 'B' : 'A') + uri.slice(at + 1));
  });

  it('cut off or with something behind it is malformed', () => {
    const uri = formatInvite(anInvite());
    for (let length = 0; length < uri.length; length += 1) malformed(uri.slice(0, length));
    malformed(uri + 'A');
    malformed(uri + '=');
  });

  it.each(['', 'keyhole:', 'keyhole:AAAA', 'https://example.org/', 'keyhole:' + 'A'.repeat(5000), 'keyhole:%00', 'javascript:keyhole:AQ'])(
    '%j is malformed',
    malformed,
  );

  it('of an honest checksum and dishonest content is malformed', () => {
    malformed(formatInvite(anInvite({ rendezvous: ['http://203.0.113.7/'] })));
    for (const url of ['ws://a/#b', 'ws://a#', 'ws://user:pass@a/']) malformed(formatInvite(anInvite({ rendezvous: [url] })));
    malformed(formatInvite(anInvite({ rendezvous: Array<string>(5).fill('ws://a') })));
    malformed(formatInvite(anInvite({ publicKey: Buffer.alloc(32, 0xff) })));
  });

  it('ten thousand others are malformed, and nothing worse', () => {
    const random = seededRandom(7);
    const uri = formatInvite(anInvite());
    for (let round = 0; round < 10_000; round += 1) {
      const letters = [...uri];
      for (let change = 0; change <= random() * 4; change += 1) {
        letters[Math.floor(random() * letters.length)] = String.fromCharCode(32 + Math.floor(random() * 95));
      }
      const text = letters.join('');
      try {
        parseInvite(text);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        expect(error.code).toBe('invite-malformed');
        continue;
      }
      expect(text.trim().slice(8)).toBe(uri.slice(8));
    }
  });
});

describe('the proof of a secret', () => {
  it('holds for its secret and channel alone', () => {
    const [secret, channel] = [newSecret(), randomBytes(32)];
    const proof = proveSecret(secret, channel);
    expect(isSecretProof(secret, channel, proof)).toBe(true);
    expect(isSecretProof(newSecret(), channel, proof)).toBe(false);
    expect(isSecretProof(secret, randomBytes(32), proof)).toBe(false);
    expect(isSecretProof(secret, channel, proof.subarray(1))).toBe(false);
  });

  it('does not lie in the id of the invite', () => {
    const secret = newSecret();
    expect(Buffer.from(inviteId(secret), 'base64url')).toHaveLength(8);
    expect(secret.toString('base64url')).not.toContain(inviteId(secret));
  });
});

describe('a name', () => {
  it('loses what could deceive or break a line, and is cut between letters', () => {
    expect(tidyName(' a\u0000b\nc\u202Ed ')).toBe('a b c d');
    expect(tidyName('🐔'.repeat(50))).toBe('🐔'.repeat(16));
  });
});

describe('what is kept of a camera', () => {
  it('comes back as it was, or is called damaged', () => {
    const { publicKey, address, rendezvous, name } = anInvite();
    const kept = { publicKey: publicKey.toString('base64url'), address, rendezvous, name };
    expect(parsePairedCamera(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    for (const damaged of [null, {}, { ...kept, address: 'x' }, { ...kept, rendezvous: ['http://a'] }, { ...kept, publicKey: 'AA' }]) {
      expect(() => parsePairedCamera(damaged)).toThrow(CodedError);
    }
  });
});
