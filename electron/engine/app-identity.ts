import { randomBytes } from 'node:crypto';
import { createIdentity, type Identity } from '../../peer/identity.ts';
import { seal, unseal } from '../storage/seal.ts';
import type { Storage } from '../storage/client.ts';

const SETTING = 'identity';

/**
 * The app's own identity, the same for its whole life: cameras know it by this key. Made at the first start, sealed under the data key.
 * Throws `key-unavailable` when the data key is not the one it was sealed with.
 */
export async function appIdentity(storage: Storage, dataKey: Uint8Array): Promise<Identity> {
  const kept = await storage.call('setting', { key: SETTING });
  if (kept !== null) return createIdentity(unseal(dataKey, Buffer.from(kept, 'base64url'), SETTING));
  const seed = new Uint8Array(randomBytes(32));
  const value = Buffer.from(seal(dataKey, seed, SETTING)).toString('base64url');
  await storage.call('setSetting', { key: SETTING, value });
  return createIdentity(seed);
}
