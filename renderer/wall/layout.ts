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

/** Tiles in a row. */
export const columnsOf = (size: number): number => Math.ceil(Math.sqrt(size));
