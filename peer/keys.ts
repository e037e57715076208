import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** DER around raw keys (RFC 8410 §4 and §7); what follows it is the 32 bytes of the key. */
const DER = {
  ed25519: { private: Buffer.from('302e020100300506032b657004220420', 'hex'), public: Buffer.from('302a300506032b6570032100', 'hex') },
  x25519: { private: Buffer.from('302e020100300506032b656e04220420', 'hex'), public: Buffer.from('302a300506032b656e032100', 'hex') },
} as const;

export type Curve = keyof typeof DER;

/** @throws RangeError when `raw` has not 32 bytes. */
export function privateKeyOf(curve: Curve, raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new RangeError('a private key has 32 bytes');
  return createPrivateKey({ key: Buffer.concat([DER[curve].private, raw]), format: 'der', type: 'pkcs8' });
}

/** @throws RangeError when `raw` has not 32 bytes. */
export function publicKeyOf(curve: Curve, raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new RangeError('a public key has 32 bytes');
  return createPublicKey({ key: Buffer.concat([DER[curve].public, raw]), format: 'der', type: 'spki' });
}

/** The 32 bytes of the public key that belongs to `key`, private or public. */
export function rawPublicKey(key: KeyObject): Buffer {
  const der = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  return der.subarray(-32);
}

const P = 2n ** 255n - 19n;

/**
 * The X25519 public key with the same private scalar: u = (1 + y) / (1 - y) modulo 2^255 - 19 (RFC 7748 §4.1).
 * Null for encodings that no signer makes: y not below the modulus, or y = 1.
 */
export function x25519FromEd25519(edPublic: Uint8Array): Buffer | null {
  if (edPublic.length !== 32) return null;
  const bytes = Buffer.from(edPublic).reverse();
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  const y = BigInt('0x' + bytes.toString('hex'));
  if (y >= P || y === 1n) return null;
  const u = ((1n + y) * power(P + 1n - y, P - 2n)) % P;
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % P, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P;
  }
  return result;
}
