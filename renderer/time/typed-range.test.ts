import { describe, expect, it } from 'vitest';
import { readRange } from './typed-range.ts';

const BERLIN = 'Europe/Berlin';

describe('the range that is typed', () => {
  it('is read by the wall clock, and refused in words', () => {
    expect(readRange('2026-11-23T10:00:00', '2026-11-23T10:05', BERLIN)).toEqual({
      from: Date.UTC(2026, 10, 23, 9),
      to: Date.UTC(2026, 10, 23, 9, 5),
    });
    expect(readRange('', '2026-11-23T10:05', BERLIN)).toHaveProperty('error');
    expect(readRange('2026-11-23T10:05', '2026-11-23T10:05', BERLIN)).toEqual({ error: expect.stringContaining('later') as string });
    expect(readRange('2026-03-29T02:30', '2026-03-29T04:00', BERLIN)).toEqual({ error: expect.stringContaining('skipped') as string });
  });

  it('holds both of the hours that clocks show twice', () => {
    const range = readRange('2026-10-25T02:00', '2026-10-25T02:59:59', BERLIN);
    expect(range).toEqual({ from: Date.UTC(2026, 9, 25, 0), to: Date.UTC(2026, 9, 25, 1, 59, 59) });
  });
});
