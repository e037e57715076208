import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import { fileName, planWords } from './export-words.ts';

const part = (bytes: number) => ({ from: utcMs(0), to: utcMs(60_000), bytes });

describe('what an export will be', () => {
  it('is said with its size, its files and what is missing', () => {
    expect(planWords({ parts: [], recordedMs: 0, missingMs: 60_000 })).toBe('Nothing is recorded in this time.');
    expect(planWords({ parts: [part(3_000_000)], recordedMs: 60_000, missingMs: 0 })).toMatch(/^One file: .*, about .*\.$/);
    const several = planWords({ parts: [part(1), part(2)], recordedMs: 60_000, missingMs: 5_000 });
    expect(several).toContain('2 files, since the camera changed its format');
    expect(several).toContain('not recorded');
  });
});

describe('the name of an exported file', () => {
  const at = utcMs(Date.UTC(2026, 10, 23, 8, 5, 9));
  it('is that of the camera and the clock on the wall', () => {
    expect(fileName('Yard', at, 'Europe/Berlin', { number: 1, of: 1 })).toBe('Yard 2026-11-23 09-05-09.mp4');
    expect(fileName('Yard', at, 'UTC', { number: 2, of: 3 })).toBe('Yard 2026-11-23 08-05-09 part 2.mp4');
  });
  it('holds nothing that a file system does not take', () => {
    expect(fileName('../Tür: "Hof"/\u0000', at, 'UTC', { number: 1, of: 1 })).toBe('..Tür Hof 2026-11-23 08-05-09.mp4');
    expect(fileName('///', at, 'UTC', { number: 1, of: 1 })).toBe('Camera 2026-11-23 08-05-09.mp4');
  });
});
