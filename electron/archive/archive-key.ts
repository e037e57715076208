import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { CodedError } from '../base/errors.ts';

export const KEY_BYTES = 32;
export const KEY_ID_BYTES = 8;

/** Begins a recovery text, and says which kind it is. */
const PREFIX = 'KHA1';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const GROUP = 4;
const CHECK_BYTES = 4;
/** Of base32: 36 bytes. */
const LETTERS = Math.ceil(((KEY_BYTES + CHECK_BYTES) * 8) / 5);

/**
 * The key of an archive: 32 random bytes that everything in it is encrypted under. What is derived from it is told apart by words, so
 * that no two uses share a key.
 */
export class ArchiveKey {
  readonly bytes: Uint8Array;
  /** Tells keys apart and reveals nothing of them, 8 bytes: stands in every object, and names the folder of this key's objects. */
  readonly id: Uint8Array;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw new Error(`an archive key has ${KEY_BYTES} bytes`);
    this.bytes = bytes;
    this.id = derive(bytes, new Uint8Array(), 'keyhole archive key id 1', KEY_ID_BYTES);
  }

  static create(): ArchiveKey {
    return new ArchiveKey(new Uint8Array(randomBytes(KEY_BYTES)));
  }

  get idText(): string {
    return Buffer.from(this.id).toString('hex');
  }

  /** The key of one object, by the random bytes in its header: never used for another one. */
  objectKey(nonce: Uint8Array): Uint8Array {
    return derive(this.bytes, nonce, 'keyhole archive object 1', 32);
  }

  /** What a person keeps: `KHA1-ABCD-…`, the key and a checksum, to be typed if need be. */
  get recoveryText(): string {
    const letters = base32(Buffer.concat([this.bytes, checksum(this.bytes)]));
    return [PREFIX, ...(letters.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? [])].join('-');
  }

  /** The reverse; spaces, dashes and small letters do not matter. Throws `bad-request` on what is no recovery text, or has a slip in it. */
  static fromRecoveryText(text: string): ArchiveKey {
    const letters = text
      .slice(0, 256)
      .toUpperCase()
      .replace(/[^A-Z0-9]/g, '');
    const bytes = letters.startsWith(PREFIX) ? fromBase32(letters.slice(PREFIX.length)) : null;
    if (!bytes)
      throw new CodedError('bad-request', `This is no recovery text: one begins with ${PREFIX} and has ${LETTERS} letters behind it.`);
    const key = new Uint8Array(bytes.subarray(0, KEY_BYTES));
    if (Buffer.compare(checksum(key), bytes.subarray(KEY_BYTES)) !== 0)
      throw new CodedError('bad-request', 'This recovery text has a slip in it: compare it letter by letter with the one that was kept.');
    return new ArchiveKey(key);
  }
}

function derive(key: Uint8Array, salt: Uint8Array, words: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, words, bytes));
}

function checksum(key: Uint8Array): Uint8Array {
  return createHash('sha256').update('keyhole archive recovery 1').update(key).digest().subarray(0, CHECK_BYTES);
}

function base32(bytes: Uint8Array): string {
  let out = '';
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) out += ALPHABET[(value >> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? out + ALPHABET[(value << (5 - bits)) & 31] : out;
}

/** Null unless it is exactly what `base32` makes of a key and its checksum. */
function fromBase32(text: string): Uint8Array | null {
  if (text.length !== LETTERS) return null;
  const out: number[] = [];
  let value = 0;
  let bits = 0;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) return null;
    value = (value << 5) | digit;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push((value >> bits) & 0xff);
    value &= (1 << bits) - 1;
  }
  return value === 0 ? Uint8Array.from(out) : null;
}
