import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { readPcpAnnounce, readPcpMap, writePcpAnnounce, writePcpMap } from './pcp.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const V4 = '00000000 00000000 0000ffff';
const nonce = hex('0102030405060708090a0b0c');
const asked = { nonce, internalPort: 40_000 };
const answer = (code = '00', external = `${V4} cb007107`) =>
  hex(`02 81 00 ${code} 00001c20 00000e10 000000000000000000000000 ${nonce.toString('hex')} 11 000000 9c40 c350 ${external}`);

describe('PCP', () => {
  it('asks as RFC 6887 says', () => {
    expect(writePcpAnnounce('192.168.1.5')).toEqual(hex(`02 00 0000 00000000 ${V4} c0a80105`));
    expect(writePcpMap('192.168.1.5', { ...asked, externalPort: 50_000, externalAddress: '203.0.113.7', lifetimeS: 7_200 })).toEqual(
      hex(`02 01 0000 00001c20 ${V4} c0a80105 ${nonce.toString('hex')} 11 000000 9c40 c350 ${V4} cb007107`),
    );
  });

  it('reads the answer to its question, and none with another nonce, port, protocol or length', () => {
    expect(readPcpMap(answer(), asked)).toEqual({
      ok: { ...asked, externalPort: 50_000, externalAddress: '203.0.113.7', lifetimeS: 7_200 },
    });
    expect(readPcpMap(answer(), { ...asked, nonce: Buffer.alloc(12) })).toBeNull();
    expect(readPcpMap(answer(), { ...asked, internalPort: 1 })).toBeNull();
    expect(readPcpMap(answer('00', '20010db8 00000000 00000000 00000001'), asked)).toBeNull();
    for (const at of [0, 1, 24, 36, 40]) {
      const altered = answer();
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      expect(readPcpMap(altered, asked), `byte ${at}`).toBeNull();
    }
    for (let length = 0; length < 60; length += 1) expect(readPcpMap(answer().subarray(0, length), asked)).toBeNull();
    expect(readPcpMap(Buffer.concat([answer(), Buffer.alloc(1_044)]), asked)).toBeNull();
    expect(readPcpMap(Buffer.concat([answer(), Buffer.alloc(8)]), asked)).not.toBeNull();
  });

  it('says why a gateway does not map, only in an answer to its question', () => {
    expect(readPcpMap(answer('08'), asked)).toEqual({ error: 'it has no port left', speaks: true });
    expect(readPcpMap(answer('63'), asked)).toEqual({ error: 'it answers with code 99', speaks: true });
    expect(readPcpMap(answer('08'), { ...asked, nonce: Buffer.alloc(12) })).toBeNull();
  });

  it('knows a gateway by its announcement, and one that speaks NAT-PMP only by its refusal', () => {
    const announcement = (code: string) => hex(`02 80 00 ${code} 00000000 00000e10 000000000000000000000000`);
    expect(readPcpAnnounce(announcement('00'))).toEqual({ ok: true });
    expect(readPcpAnnounce(announcement('04'))).toEqual({ ok: true });
    expect(readPcpAnnounce(announcement('01'))).toMatchObject({ speaks: false });
    expect(readPcpAnnounce(hex('00 80 0001 00000e10'))).toEqual({ error: 'it speaks NAT-PMP only', speaks: false });
    expect(readPcpMap(hex('00 81 0001 00000e10'), asked)).toEqual({ error: 'it speaks NAT-PMP only', speaks: false });
    expect(readPcpAnnounce(hex('00 80 0000 00000e10'))).toBeNull();
    expect(readPcpAnnounce(Buffer.alloc(0))).toBeNull();
  });

  it('takes 100,000 random and altered answers without throwing, and believes none that is cut', () => {
    const random = seededRandom(22);
    let wrong = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = answer().subarray(0, Math.ceil(random() * 90));
      for (let at = 0; at < bytes.length; at += 1) if (random() < 0.05) bytes[at] = Math.floor(random() * 256);
      const read = readPcpMap(bytes, asked);
      if (bytes.length < 60 && read !== null && 'ok' in read) wrong += 1;
      readPcpAnnounce(bytes);
    }
    expect(wrong).toBe(0);
  }, 60_000);
});
