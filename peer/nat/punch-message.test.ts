import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { PUNCH_BYTES, readPunch, writePunch, type PunchMessage } from './punch-message.ts';

const key = randomBytes(32);
const message: PunchMessage = { kind: 'answer', from: 'hard', round: 7, nonce: randomBytes(8), echo: randomBytes(8) };

describe('a message of a punch', () => {
  it('is read as it was written, in one size', () => {
    for (const kind of ['probe', 'answer', 'confirm'] as const) {
      for (const from of ['hard', 'easy'] as const) {
        const bytes = writePunch({ ...message, kind, from }, key);
        expect(bytes).toHaveLength(PUNCH_BYTES);
        expect(readPunch(bytes, key)).toEqual({ ...message, kind, from });
      }
    }
  });

  it('is refused when one bit is another, when it is cut or longer, and under another key', () => {
    const bytes = writePunch(message, key);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readPunch(altered, key)).toBeNull();
    }
    for (let length = 0; length < bytes.length; length += 1) expect(readPunch(bytes.subarray(0, length), key)).toBeNull();
    expect(readPunch(Buffer.concat([bytes, Buffer.alloc(1)]), key)).toBeNull();
    expect(readPunch(bytes, randomBytes(32))).toBeNull();
  });

  it('takes 100,000 random and altered datagrams without believing or throwing', () => {
    const random = seededRandom(11);
    const genuine = writePunch(message, key);
    let believed = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = Buffer.from(genuine.subarray(0, round % 3 === 0 ? Math.floor(random() * 41) : PUNCH_BYTES));
      const at = Math.floor(random() * Math.max(1, bytes.length));
      if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255));
      if (readPunch(bytes, key)) believed += 1;
    }
    expect(believed).toBe(0);
  }, 60_000);

  it('begins with a byte that no protocol on the same socket begins with (RFC 7983 §7)', () => {
    const first = writePunch(message, key)[0] ?? 0;
    expect(first).toBeGreaterThanOrEqual(80);
    expect(first).toBeLessThanOrEqual(127);
  });
});
