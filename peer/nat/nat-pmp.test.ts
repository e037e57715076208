import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { readPmpAddress, readPmpMap, writePmpAddress, writePmpMap } from './nat-pmp.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ADDRESS = hex('00 80 0000 00000e10 cb007107');
const MAPPED = hex('00 81 0000 00000e10 9c40 c350 00001c20');

describe('NAT-PMP', () => {
  it('asks as RFC 6886 says', () => {
    expect(writePmpAddress()).toEqual(hex('0000'));
    expect(writePmpMap({ internalPort: 40_000, externalPort: 50_000, lifetimeS: 7_200 })).toEqual(hex('00 01 0000 9c40 c350 00001c20'));
  });

  it('reads the answers to its question, and no others', () => {
    expect(readPmpAddress(ADDRESS)).toEqual({ ok: '203.0.113.7' });
    expect(readPmpMap(MAPPED, 40_000)).toEqual({ ok: { internalPort: 40_000, externalPort: 50_000, lifetimeS: 7_200 } });
    expect(readPmpMap(MAPPED, 40_001)).toBeNull();
    expect(readPmpMap(ADDRESS, 40_000)).toBeNull();
    expect(readPmpAddress(MAPPED)).toBeNull();
    for (let length = 0; length < 12; length += 1) expect(readPmpAddress(ADDRESS.subarray(0, length))).toBeNull();
    for (let length = 0; length < 16; length += 1) expect(readPmpMap(MAPPED.subarray(0, length), 40_000)).toBeNull();
    expect(readPmpAddress(Buffer.concat([ADDRESS, Buffer.alloc(1)]))).toBeNull();
  });

  it('says why a gateway does not map', () => {
    expect(readPmpMap(hex('00 81 0002 00000e10'), 40_000)).toEqual({ error: expect.stringContaining('switched off'), speaks: true });
    expect(readPmpAddress(hex('00 80 0003 00000e10'))).toEqual({ error: 'it has no public address itself', speaks: true });
    expect(readPmpAddress(hex('00 80 0001 00000e10'))).toMatchObject({ speaks: false });
    expect(readPmpAddress(hex('00 80 0063 00000e10'))).toEqual({ error: 'it answers with code 99', speaks: true });
  });

  it('takes 100,000 random and altered answers without throwing', () => {
    const random = seededRandom(21);
    let both = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = Buffer.from(round % 2 ? ADDRESS : MAPPED).subarray(0, Math.ceil(random() * 20));
      for (let at = 0; at < bytes.length; at += 1) if (random() < 0.2) bytes[at] = Math.floor(random() * 256);
      const [address, mapped] = [readPmpAddress(bytes), readPmpMap(bytes, 40_000)];
      if (address !== null && mapped !== null) both += 1;
    }
    expect(both).toBe(0);
  }, 60_000);
});
