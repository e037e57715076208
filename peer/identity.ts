import { createHash, hkdfSync, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { base32 } from './base32.ts';
import { privateKeyOf, publicKeyOf, rawPublicKey } from './keys.ts';

/** Who a peer is: an Ed25519 key pair (RFC 8032) from a seed, the X25519 pair of the same seed, and the address key. */
export interface Identity {
  /** 32 bytes, Ed25519. What is pinned when paired. */
  readonly publicKey: Buffer;
  /** X25519 key for Noise: made of the same seed, so that `publicKey` proves it (Thormarker, eprint 2021/509). */
  readonly noiseKey: KeyObject;
  readonly noisePublicKey: Buffer;
  /** A separate Ed25519 key, which the rendezvous sees in place of the identity. */
  readonly addressKey: AddressKey;
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Buffer;
}

/** The key pair that owns a rendezvous address. */
export interface AddressKey {
  readonly publicKey: Buffer;
  readonly address: string;
  sign(message: Uint8Array): Buffer;
}

/** @param seed 32 bytes, secret. */
export function createIdentity(seed: Uint8Array): Identity {
  if (seed.length !== 32) throw new RangeError('an identity seed has 32 bytes');
  const key = privateKeyOf('ed25519', seed);
  // RFC 8032 §5.1.5: the scalar of an Ed25519 key is the first half of this hash, clamped as X25519 clamps its own.
  const noiseKey = privateKeyOf('x25519', createHash('sha512').update(seed).digest().subarray(0, 32));
  return {
    publicKey: rawPublicKey(key),
    noiseKey,
    noisePublicKey: rawPublicKey(noiseKey),
    addressKey: addressKeyOf(new Uint8Array(hkdfSync('sha256', seed, '', 'keyhole address key v1', 32))),
    sign: (message) => sign(null, message, key),
  };
}

/** An address for one connection, with no tie to any identity. */
export function freshAddressKey(): AddressKey {
  return addressKeyOf(randomBytes(32));
}

function addressKeyOf(seed: Uint8Array): AddressKey {
  const key = privateKeyOf('ed25519', seed);
  const publicKey = rawPublicKey(key);
  return { publicKey, address: addressOf(publicKey), sign: (message) => sign(null, message, key) };
}

/** The address of an address key: base32 of the first 20 bytes of its SHA-256; 32 characters. */
export function addressOf(addressPublicKey: Uint8Array): string {
  return base32(createHash('sha256').update(addressPublicKey).digest().subarray(0, 20));
}

export const isAddress = (value: string): boolean => /^[a-z2-7]{32}$/.test(value);

/** Whether `signature` over `message` is of `publicKey`; false also for keys and signatures that make no sense. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return verify(null, message, publicKeyOf('ed25519', publicKey), signature);
  } catch {
    return false;
  }
}

/** For people to compare: base32 of SHA-256(public key), first 20 characters in groups of 4. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const text = base32(createHash('sha256').update(publicKey).digest()).slice(0, 20);
  return (text.match(/.{4}/g) ?? []).join('-');
}
