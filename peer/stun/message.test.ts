import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import {
  ATTRIBUTE,
  hasIntegrity,
  METHOD_BINDING,
  parseStun,
  readXorMappedAddress,
  STUN_CLASS,
  writeStun,
  xorMappedAddress,
} from './message.ts';

/** RFC 5769 §2.1: a request with password `VOkJxbRl1RmTxUk/WvJxBt`. */
const SAMPLE = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36' +
    '00060009' +
    '6576746a3a68367659202020' +
    '000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf',
  'hex',
);
const PASSWORD = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt');

describe('STUN', () => {
  it('reads the sample request of RFC 5769, with its integrity and fingerprint', () => {
    const message = parseStun(SAMPLE);
    expect(message).toMatchObject({ class: STUN_CLASS.request, method: METHOD_BINDING });
    expect(message?.attributes.find(({ type }) => type === ATTRIBUTE.username)?.value.toString()).toBe('evtj:h6vY');
    expect(message && hasIntegrity(message, PASSWORD)).toBe(true);
    expect(message && hasIntegrity(message, Buffer.from('another'))).toBe(false);
  });

  it('reads the mapped addresses of the sample responses of RFC 5769', () => {
    const id = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');
    expect(readXorMappedAddress(Buffer.from('0001a147e112a643', 'hex'), id)).toEqual({ address: '192.0.2.1', port: 32853 });
    expect(readXorMappedAddress(Buffer.from('0002a1470113a9faa5d3f179bc25f4b5bed2b9d9', 'hex'), id)).toEqual({
      address: '2001:db8:1234:5678:11:2233:4455:6677',
      port: 32853,
    });
    expect(xorMappedAddress('192.0.2.1', 32853, id)?.toString('hex')).toBe('0001a147e112a643');
    expect(xorMappedAddress('2001:db8:1234:5678:11:2233:4455:6677', 32853, id)?.toString('hex')).toBe(
      '0002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
    );
    expect(xorMappedAddress('::ffff:192.0.2.1', 32853, id)?.toString('hex')).toBe('0001a147e112a643');
    expect(xorMappedAddress('fe80::1%eth0', 1, id)?.length).toBe(20);
    for (const nonsense of ['', 'localhost', '1.2.3', '1.2.3.256', ':::', '1::2::3', '12345::'])
      expect(xorMappedAddress(nonsense, 1, id)).toBeNull();
  });

  it('writes what it reads', () => {
    const transactionId = randomBytes(12);
    const attributes = [
      { type: 0x8022, value: Buffer.from('abc') },
      { type: 0x0020, value: Buffer.alloc(0) },
    ];
    for (const method of [1, 3, 8, 0x7f, 0x80, 0xfff]) {
      for (const kind of Object.values(STUN_CLASS)) {
        const message = parseStun(writeStun({ class: kind, method, transactionId }, attributes));
        expect(message).toMatchObject({ class: kind, method });
        expect(message?.attributes.slice(0, 2).map(({ value }) => value.toString())).toEqual(['abc', '']);
      }
    }
  });

  it('refuses every cut, and every altered byte of a message with a fingerprint', () => {
    for (let length = 0; length < SAMPLE.length; length += 1) expect(parseStun(SAMPLE.subarray(0, length))).toBeNull();
    for (let at = 0; at < SAMPLE.length - 8; at += 1) {
      const altered = Buffer.from(SAMPLE);
      altered[at] = (altered[at] ?? 0) ^ 0x04;
      const message = parseStun(altered);
      expect(message === null || !hasIntegrity(message, PASSWORD), `byte ${at}`).toBe(true);
    }
  });

  it('lives through a hundred thousand pieces of noise', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 100_000; round += 1) {
      const data = Buffer.from(SAMPLE.subarray(0, 20 + 4 * Math.floor(random() * 23)));
      for (let at = 8; at < data.length; at += 1) if (random() < 0.2) data[at] = Math.floor(random() * 256);
      data.writeUInt16BE(data.length - 20, 2);
      const message = parseStun(data);
      if (message) hasIntegrity(message, PASSWORD);
    }
  });
});
