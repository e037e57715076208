import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { byteSize, clockExact, clockTime, duration } from './words.ts';

const utc = (text: string) => utcMs(Date.parse(text));

describe('words', () => {
  it('names the zone only on days on which a bare time is ambiguous', () => {
    const first = clockTime(utc('2026-10-25T00:30:00Z'), 'Europe/Berlin');
    const second = clockTime(utc('2026-10-25T01:30:00Z'), 'Europe/Berlin');
    expect(first).toContain('30');
    expect(first).not.toBe(second);
    expect(clockTime(utc('2026-11-25T01:30:00Z'), 'Europe/Berlin')).toMatch(/0?2:30:00( AM)?$/);
  });

  it('gives single frames their milliseconds', () => {
    expect(clockExact(utc('2026-11-23T08:00:00.040Z'), 'UTC')).toMatch(/00[.,]040/);
  });

  it.each([
    [400, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [7_380_000, '2 h 3 min'],
    [3 * 86_400_000, '3 days'],
  ])('says %d ms as %s', (ms, words) => expect(duration(ms)).toBe(words));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [312e9, '312 GB'],
    [4e15, '4000 TB'],
  ])('says %d bytes as %s', (bytes, words) => expect(byteSize(bytes)).toBe(words));
});
