import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seal, unseal } from './seal.ts';

const key = randomBytes(32);
const secret = new TextEncoder().encode('{"password":"geheim"}');

describe('sealed secrets', () => {
  it('open with the same key and camera', () => {
    const sealed = seal(key, secret, 'cam-aaaaaaaa');
    expect(unseal(key, sealed, 'cam-aaaaaaaa')).toEqual(secret);
    expect(Buffer.from(sealed).includes('geheim')).toBe(false);
    expect(seal(key, secret, 'cam-aaaaaaaa')).not.toEqual(sealed);
  });

  it('stay shut for another key, another camera and altered bytes', () => {
    const sealed = seal(key, secret, 'cam-aaaaaaaa');
    const shut = expect.objectContaining({ code: 'key-unavailable' });
    const attempt = (run: () => unknown) => {
      try {
        return run();
      } catch (error) {
        return error;
      }
    };
    expect(attempt(() => unseal(randomBytes(32), sealed, 'cam-aaaaaaaa'))).toEqual(shut);
    expect(attempt(() => unseal(key, sealed, 'cam-bbbbbbbb'))).toEqual(shut);
    for (let i = 0; i < sealed.length; i++) {
      const altered = sealed.slice();
      altered[i] = (altered[i] ?? 0) ^ 1;
      expect(
        attempt(() => unseal(key, altered, 'cam-aaaaaaaa')),
        `byte ${i}`,
      ).toEqual(shut);
    }
    expect(attempt(() => unseal(key, sealed.subarray(0, 12), 'cam-aaaaaaaa'))).toEqual(shut);
  });
});
