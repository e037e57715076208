/** The pictures that motion is looked for in: gray, a byte a pixel. */
export const PICTURE = { width: 160, height: 90 } as const;
/** Side of a block in pixels: their mean has a fifth of the pixels' noise. */
const SIDE = 5;
export const COLUMNS = PICTURE.width / SIDE;
export const ROWS = PICTURE.height / SIDE;
export const BLOCKS = COLUMNS * ROWS;

/** Mean of each block, 0..255. */
export function blockMeans(pixels: Uint8Array, means: Float32Array): void {
  means.fill(0);
  for (let y = 0; y < PICTURE.height; y += 1) {
    const row = Math.floor(y / SIDE) * COLUMNS;
    for (let x = 0, at = y * PICTURE.width; x < PICTURE.width; x += 1, at += 1) {
      const block = row + Math.floor(x / SIDE);
      means[block] = (means[block] ?? 0) + (pixels[at] ?? 0);
    }
  }
  for (let block = 0; block < BLOCKS; block += 1) means[block] = (means[block] ?? 0) / (SIDE * SIDE);
}

/** Mean around each block, over (2 `reach` + 1)² of them, those with weight 0 left out; where all are, 0. */
export function localMeans(values: Float32Array, weights: Float32Array, reach: number, means: Float32Array): void {
  const sums = summed(COLUMNS, ROWS, (block) => (values[block] ?? 0) * (weights[block] ?? 0));
  const counts = summed(COLUMNS, ROWS, (block) => weights[block] ?? 0);
  for (let y = 0; y < ROWS; y += 1)
    for (let x = 0; x < COLUMNS; x += 1) {
      const [x0, y0, x1, y1] = [
        Math.max(0, x - reach),
        Math.max(0, y - reach),
        Math.min(COLUMNS, x + reach + 1),
        Math.min(ROWS, y + reach + 1),
      ];
      const count = boxOf(counts, x0, y0, x1, y1);
      means[y * COLUMNS + x] = count > 0 ? boxOf(sums, x0, y0, x1, y1) / count : 0;
    }
}

/** Blocks of the largest region of marked ones that touch each other, corners too. */
export function largestRegion(marked: Uint8Array): number {
  const seen = new Uint8Array(BLOCKS);
  const stack: number[] = [];
  let largest = 0;
  for (let start = 0; start < BLOCKS; start += 1) {
    if (!marked[start] || seen[start]) continue;
    seen[start] = 1;
    stack.push(start);
    let size = 0;
    for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
      size += 1;
      const column = block % COLUMNS;
      for (let y = -COLUMNS; y <= COLUMNS; y += COLUMNS)
        for (let x = -1; x <= 1; x += 1) {
          const next = block + y + x;
          if (column + x < 0 || column + x >= COLUMNS || next < 0 || next >= BLOCKS || !marked[next] || seen[next]) continue;
          seen[next] = 1;
          stack.push(next);
        }
    }
    largest = Math.max(largest, size);
  }
  return largest;
}

/** Summed-area table with a row and a column of zeros before it. */
function summed(columns: number, rows: number, of: (block: number) => number): Float64Array {
  const table = new Float64Array((columns + 1) * (rows + 1));
  for (let y = 0; y < rows; y += 1) {
    let row = 0;
    for (let x = 0; x < columns; x += 1) {
      row += of(y * columns + x);
      table[(y + 1) * (columns + 1) + x + 1] = (table[y * (columns + 1) + x + 1] ?? 0) + row;
    }
  }
  return table;
}

function boxOf(table: Float64Array, x0: number, y0: number, x1: number, y1: number): number {
  const at = (x: number, y: number) => table[y * (COLUMNS + 1) + x] ?? 0;
  return at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0);
}
