/** Capitals, digits and a few signs, 5 x 7: each glyph is 7 rows of 5 bits, so that pictures need no font file. */
// prettier-ignore
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  '0': [14, 17, 19, 21, 25, 17, 14], '1': [4, 12, 4, 4, 4, 4, 14], '2': [14, 17, 1, 2, 4, 8, 31], '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2], '5': [31, 16, 30, 1, 1, 17, 14], '6': [6, 8, 16, 30, 17, 17, 14], '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14], '9': [14, 17, 17, 15, 1, 2, 12], ':': [0, 4, 4, 0, 4, 4, 0], '-': [0, 0, 0, 31, 0, 0, 0],
  '.': [0, 0, 0, 0, 0, 12, 12], '/': [1, 1, 2, 4, 8, 16, 16], ' ': [0, 0, 0, 0, 0, 0, 0],
  'A': [14, 17, 17, 31, 17, 17, 17], 'B': [30, 17, 17, 30, 17, 17, 30], 'C': [14, 17, 16, 16, 16, 17, 14], 'D': [30, 17, 17, 17, 17, 17, 30],
  'E': [31, 16, 16, 30, 16, 16, 31], 'F': [31, 16, 16, 30, 16, 16, 16], 'G': [14, 17, 16, 23, 17, 17, 15], 'H': [17, 17, 17, 31, 17, 17, 17],
  'I': [14, 4, 4, 4, 4, 4, 14], 'J': [7, 2, 2, 2, 2, 18, 12], 'K': [17, 18, 20, 24, 20, 18, 17], 'L': [16, 16, 16, 16, 16, 16, 31],
  'M': [17, 27, 21, 21, 17, 17, 17], 'N': [17, 25, 21, 19, 17, 17, 17], 'O': [14, 17, 17, 17, 17, 17, 14], 'P': [30, 17, 17, 30, 16, 16, 16],
  'Q': [14, 17, 17, 17, 21, 18, 13], 'R': [30, 17, 17, 30, 20, 18, 17], 'S': [15, 16, 16, 14, 1, 1, 30], 'T': [31, 4, 4, 4, 4, 4, 4],
  'U': [17, 17, 17, 17, 17, 17, 14], 'V': [17, 17, 17, 17, 17, 10, 4], 'W': [17, 17, 17, 21, 21, 21, 10], 'X': [17, 17, 10, 4, 10, 17, 17],
  'Y': [17, 17, 10, 4, 4, 4, 4], 'Z': [31, 1, 2, 4, 8, 16, 31],
};
const COLUMNS = 5;
const ROWS = 7;

export const textWidth = (text: string, scale: number): number => Math.max(0, text.length * (COLUMNS + 1) - 1) * scale;
export const textHeight = (scale: number): number => ROWS * scale;

/** Draws text into a luma plane; what does not fit is left out, unknown characters become spaces. */
export function drawText(
  luma: Uint8Array,
  width: number,
  height: number,
  text: string,
  left: number,
  top: number,
  scale: number,
  value: number,
): void {
  [...text.toUpperCase()].forEach((character, index) => {
    const x = left + index * (COLUMNS + 1) * scale;
    (GLYPHS[character] ?? []).forEach((bits, row) => {
      for (let column = 0; column < COLUMNS; column += 1) {
        if (bits & (16 >> column)) fillRect(luma, width, height, x + column * scale, top + row * scale, scale, scale, value);
      }
    });
  });
}

/** A filled rectangle, cut to the plane. */
export function fillRect(
  plane: Uint8Array,
  width: number,
  height: number,
  left: number,
  top: number,
  w: number,
  h: number,
  value: number,
): void {
  const from = Math.max(0, Math.round(left));
  const to = Math.min(width, Math.round(left + w));
  const bottom = Math.min(height, Math.round(top + h));
  for (let y = Math.max(0, Math.round(top)); y < bottom; y += 1) plane.fill(value, y * width + from, y * width + Math.max(from, to));
}
