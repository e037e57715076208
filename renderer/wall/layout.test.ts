import { describe, expect, it } from 'vitest';
import { gridOf, wallPage } from './layout.ts';

describe('wallPage', () => {
  const cameras = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  it('shares cameras out over pages', () => {
    expect(wallPage(cameras, 4, 0)).toEqual({ shown: [1, 2, 3, 4], page: 0, pages: 3 });
    expect(wallPage(cameras, 4, 2)).toEqual({ shown: [9, 10], page: 2, pages: 3 });
  });

  it('stays on a page that is there when cameras go or tiles change', () => {
    expect(wallPage(cameras, 9, 5)).toMatchObject({ shown: [10], page: 1 });
    expect(wallPage(cameras, 16, 5)).toMatchObject({ page: 0, pages: 1 });
    expect(wallPage([], 4, 3)).toEqual({ shown: [], page: 0, pages: 1 });
    expect(wallPage(cameras, 4, -1).page).toBe(0);
  });
});

describe('gridOf', () => {
  it.each([
    [1, 1, 1, 1],
    [4, 4, 2, 2],
    [9, 9, 3, 3],
    [16, 16, 4, 4],
    [4, 1, 1, 1],
    [4, 2, 2, 1],
    [4, 3, 2, 2],
    [9, 4, 2, 2],
    [9, 6, 3, 2],
    [16, 5, 3, 2],
    [16, 10, 4, 3],
  ])('%d tiles, %d cameras: %d x %d', (size, shown, columns, rows) => expect(gridOf(size, shown, 1)).toEqual({ columns, rows }));

  it('keeps the full grid on every page when there are several', () => {
    expect(gridOf(4, 1, 3)).toEqual({ columns: 2, rows: 2 });
  });

  it('has room for all of them', () => {
    for (const size of [1, 4, 9, 16])
      for (let shown = 1; shown <= size; shown++) {
        const { columns, rows } = gridOf(size, shown, 1);
        expect(columns * rows).toBeGreaterThanOrEqual(shown);
        expect(columns).toBeLessThanOrEqual(Math.sqrt(size));
      }
  });
});
