import { createHash, diffieHellman, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base32 } from './base32.ts';
import { addressOf, createIdentity, fingerprintOf, freshAddressKey, isAddress, verifySignature } from './identity.ts';
import { publicKeyOf, x25519FromEd25519 } from './keys.ts';

describe('an identity', () => {
  it('is the same for the same seed, and another for another', () => {
    const seed = randomBytes(32);
    const [one, same, other] = [createIdentity(seed), createIdentity(seed), createIdentity(randomBytes(32))];
    expect(one.publicKey.equals(same.publicKey)).toBe(true);
    expect(one.addressKey.address).toBe(same.addressKey.address);
    expect(one.publicKey.equals(other.publicKey)).toBe(false);
  });

  it('has the Ed25519 key of RFC 8032 §7.1 test 1', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const identity = createIdentity(seed);
    expect(identity.publicKey.toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(identity.sign(Buffer.alloc(0)).toString('hex')).toMatch(/^e5564300c360ac729086e2cc806e828a/);
  });

  it('has one X25519 key, whichever way it is computed', () => {
    for (let round = 0; round < 50; round += 1) {
      const identity = createIdentity(randomBytes(32));
      expect(x25519FromEd25519(identity.publicKey)?.equals(identity.noisePublicKey)).toBe(true);
    }
    const [a, b] = [createIdentity(randomBytes(32)), createIdentity(randomBytes(32))];
    const shared = (mine: typeof a, theirs: typeof b) =>
      diffieHellman({
        privateKey: mine.noiseKey,
        publicKey: publicKeyOf('x25519', x25519FromEd25519(theirs.publicKey) ?? Buffer.alloc(0)),
      });
    expect(shared(a, b).equals(shared(b, a))).toBe(true);
  });

  it('signs; altered messages, signatures and keys do not pass, nor does nonsense', () => {
    const identity = createIdentity(randomBytes(32));
    const message = Buffer.from('message');
    const signature = identity.sign(message);
    expect(verifySignature(identity.publicKey, message, signature)).toBe(true);
    expect(verifySignature(identity.publicKey, Buffer.from('massage'), signature)).toBe(false);
    expect(verifySignature(randomBytes(32), message, signature)).toBe(false);
    for (let at = 0; at < 64; at += 1) {
      const altered = Buffer.from(signature);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(verifySignature(identity.publicKey, message, altered)).toBe(false);
    }
    expect(verifySignature(Buffer.alloc(3), message, signature)).toBe(false);
    expect(verifySignature(identity.publicKey, message, Buffer.alloc(0))).toBe(false);
  });

  it('shows the rendezvous an address that is not made of the identity key', () => {
    const identity = createIdentity(randomBytes(32));
    expect(isAddress(identity.addressKey.address)).toBe(true);
    expect(identity.addressKey.publicKey.equals(identity.publicKey)).toBe(false);
    expect(addressOf(identity.publicKey)).not.toBe(identity.addressKey.address);
    expect(freshAddressKey().address).not.toBe(freshAddressKey().address);
  });

  it('has a fingerprint for people', () => {
    const identity = createIdentity(randomBytes(32));
    expect(fingerprintOf(identity.publicKey)).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){4}$/);
    expect(fingerprintOf(identity.publicKey).replaceAll('-', '')).toBe(
      base32(createHash('sha256').update(identity.publicKey).digest()).slice(0, 20),
    );
  });

  it('refuses seeds and keys of another length', () => {
    expect(() => createIdentity(Buffer.alloc(31))).toThrow(RangeError);
    expect(x25519FromEd25519(Buffer.alloc(31))).toBeNull();
  });
});

describe('the Montgomery form of a key', () => {
  it('is refused for encodings that no signer makes', () => {
    const one = Buffer.alloc(32);
    one[0] = 1;
    expect(x25519FromEd25519(one)).toBeNull();
    expect(x25519FromEd25519(Buffer.alloc(32, 0xff))).toBeNull();
  });
});

describe('base32', () => {
  it.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('RFC 4648 §10: %j is %j', (plain, encoded) => expect(base32(Buffer.from(plain))).toBe(encoded));
});
