import { expect, it } from 'vitest';
import { localInput, parseLocalInput } from './local-input.ts';

it('comes back from a datetime-local input as it went in', () => {
  const wall = { year: 2026, month: 3, day: 9, hour: 7, minute: 5, second: 1 };
  expect(localInput(wall)).toBe('2026-03-09T07:05:01');
  expect(parseLocalInput(localInput(wall))).toEqual(wall);
});

it('takes an input without seconds, and nothing that is not finished', () => {
  expect(parseLocalInput('2026-03-09T07:05')).toMatchObject({ minute: 5, second: 0 });
  expect(parseLocalInput('')).toBeUndefined();
  expect(parseLocalInput('2026-03-')).toBeUndefined();
});
