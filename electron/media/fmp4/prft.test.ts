import { describe, expect, it } from 'vitest';
import { utcMs } from '../../base/units.ts';
import { box, fullBox, u32 } from './boxes.ts';
import { buildPrft, parsePrft } from './prft.ts';

describe('prft', () => {
  it.each([
    ['today', Date.UTC(2026, 10, 23, 8, 30, 0, 123)],
    ['with a fraction of a millisecond', Date.UTC(2026, 10, 23) + 0.25],
    ['the last moment of NTP era 0', Date.UTC(2036, 1, 7, 6, 28, 15, 999)],
    ['era 1', Date.UTC(2040, 0, 1)],
    ['1970', 0],
  ])('is read back exactly: %s', (_, utc) => {
    const time = { trackId: 3, utc: utcMs(utc), mediaTime: 2 ** 40 + 17 };
    expect(parsePrft(buildPrft(time))).toEqual(time);
  });

  it('has the layout of ISO 14496-12: version 1, track, NTP time, media time of 64 bits', () => {
    const bytes = buildPrft({ trackId: 1, utc: utcMs(500), mediaTime: 90_000 });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '00000020' + '70726674' + '01000018' + '00000001' + '83aa7e80' + '80000000' + '0000000000015f90',
    );
  });

  it('reads version 0, among other boxes, and refuses what is cut off', () => {
    const old = fullBox('prft', 0, 24, u32(2, 0x83aa7e81, 0, 777));
    expect(parsePrft(Buffer.concat([box('free'), old]))).toEqual({ trackId: 2, utc: 1000, mediaTime: 777 });
    expect(parsePrft(fullBox('prft', 1, 24, u32(2, 0x83aa7e81, 0, 777)))).toBeNull();
    expect(parsePrft(box('prft'))).toBeNull();
    expect(parsePrft(new Uint8Array(3))).toBeNull();
  });
});
