import { describe, expect, it } from 'vitest';
import type { RecordingMode, WeeklySchedule } from '../../electron/contract/model.ts';
import { DAYS, gridOf, HOURS, isWholeHours, painted, PRESETS, rectangle, sameGrid, scheduleOf, type WeekGrid } from './week-grid.ts';

const MODES: readonly RecordingMode[] = ['continuous', 'events', 'off'];

/** Repeatable, as wild as can be. */
function wild(seed: number): WeekGrid {
  let state = seed;
  const next = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  return DAYS.map(() => HOURS.map(() => MODES[Math.floor(next() / 65_536) % 3] ?? 'off'));
}

describe('the grid of a week', () => {
  it('says what its schedule says, also over midnight', () => {
    const schedule: WeeklySchedule = {
      otherwise: 'off',
      periods: [
        { days: [4, 5], fromMinute: 22 * 60, toMinute: 6 * 60, mode: 'events' },
        { days: [0], fromMinute: 8 * 60, toMinute: 1440, mode: 'continuous' },
      ],
    };
    const grid = gridOf(schedule);
    expect([grid[4]?.[21], grid[4]?.[22], grid[5]?.[5], grid[5]?.[6], grid[6]?.[5], grid[0]?.[23], grid[1]?.[0]]).toEqual([
      'off',
      'events',
      'events',
      'off',
      'events',
      'continuous',
      'off',
    ]);
    expect(isWholeHours(schedule)).toBe(true);
    expect(isWholeHours({ otherwise: 'off', periods: [{ days: [0], fromMinute: 30, toMinute: 60, mode: 'events' }] })).toBe(false);
  });

  it('becomes a schedule that says the same, of at most 50 periods, however wild it is', () => {
    const grids = [...PRESETS.map(({ grid }) => grid), ...Array.from({ length: 30 }, (_, seed) => wild(seed + 1))];
    for (const grid of grids) {
      const schedule = scheduleOf(grid);
      expect(sameGrid(gridOf(schedule), grid)).toBe(true);
      expect(schedule.periods.length).toBeLessThanOrEqual(50);
    }
    expect(scheduleOf(PRESETS[0]?.grid ?? [])).toEqual({ otherwise: 'continuous', periods: [] });
    expect(scheduleOf(PRESETS[3]?.grid ?? [])).toEqual({
      otherwise: 'off',
      periods: [{ days: [0, 1, 2, 3, 4], fromMinute: 480, toMinute: 1080, mode: 'continuous' }],
    });
  });

  it('is painted by rectangles', () => {
    const grid = painted(PRESETS[4]?.grid ?? [], rectangle([2, 10], [1, 8]), 'events');
    expect(grid.flat().filter((mode) => mode === 'events')).toHaveLength(6);
    expect([grid[1]?.[8], grid[2]?.[10], grid[2]?.[11]]).toEqual(['events', 'events', 'off']);
  });
});
