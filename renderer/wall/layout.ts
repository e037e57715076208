/** Cameras of one page of the wall. `page` counts from 0 and is brought into range. */
export function wallPage<T>(
  all: readonly T[],
  size: number,
  page: number,
): { readonly shown: readonly T[]; readonly page: number; readonly pages: number } {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const actual = Math.min(Math.max(0, page), pages - 1);
  return { shown: all.slice(actual * size, (actual + 1) * size), page: actual, pages };
}

export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** The grid of a page: square for its size; where all cameras fit on one page, no more rows and columns than they need. */
export function gridOf(size: number, shown: number, pages: number): Grid {
  const side = Math.ceil(Math.sqrt(size));
  if (pages > 1 || shown === 0) return { columns: side, rows: side };
  const columns = Math.min(side, Math.ceil(Math.sqrt(shown)));
  return { columns, rows: Math.ceil(shown / columns) };
}
