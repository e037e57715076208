import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { CodedError } from '../base/errors.ts';

/*
 * Secrets at rest: AES-256-GCM under the data key that the host keeps (keychain or a key file of mode 0600).
 * Layout: version (1 byte, 1) | nonce (12) | tag (16) | ciphertext. The additional data is the camera's id, so that
 * a sealed source cannot be moved to another camera's row.
 */
const VERSION = 1;
const NONCE = 12;
const TAG = 16;
const ALGORITHM = 'aes-256-gcm';

/** @param key 32 bytes */
export function seal(key: Uint8Array, plain: Uint8Array, camera: string): Uint8Array {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(camera, 'utf8'));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return new Uint8Array(Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]));
}

/** Throws `key-unavailable` when the key is another one, the bytes were altered or belong to another camera. */
export function unseal(key: Uint8Array, sealed: Uint8Array, camera: string): Uint8Array {
  const failure = (why: string, cause?: unknown) =>
    new CodedError('key-unavailable', `The stored connection of ${camera} cannot be read (${why}): remove the camera and pair it anew.`, {
      cause,
    });
  if (sealed.length < 1 + NONCE + TAG || sealed[0] !== VERSION) throw failure('unknown format');
  try {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, 1 + NONCE), { authTagLength: TAG });
    decipher.setAAD(Buffer.from(camera, 'utf8'));
    decipher.setAuthTag(sealed.subarray(1 + NONCE, 1 + NONCE + TAG));
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(1 + NONCE + TAG)), decipher.final()]));
  } catch (error) {
    throw failure('the data key is another one, or the bytes were altered', error);
  }
}
