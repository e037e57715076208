/**
 * The number of a frame, written into its picture so that a test can tell which frame was painted.
 *
 * Layout: along the bottom edge, a strip one sixteenth of the height, of 34 blocks of equal width: one white, then 32 bits of
 * the number from the highest to the lowest (white is 1), then one black. Plain blocks survive H.264 at low bitrates and scaling.
 * The number of the frame captured at `utc` is floor(utc * fps / 1000) mod 2^32. Uses nothing of Node: pages read it too.
 */

const BITS = 32;
const BLOCKS = BITS + 2;
const WHITE = 235;
const BLACK = 16;
/** Least difference of luma between the marker blocks, and so twice the margin of a bit. */
const MIN_CONTRAST = 80;

export const stripHeight = (height: number): number => Math.floor(height / 16);

export function frameNumberAt(utcMs: number, fps: number): number {
  return Math.floor((utcMs * fps) / 1000) % 2 ** BITS;
}

/** Milliseconds UTC at which the frame `number` nearest to `nearUtcMs` was captured: the first moment of its interval. */
export function frameTime(number: number, fps: number, nearUtcMs: number): number {
  const period = (2 ** BITS * 1000) / fps;
  const inPeriod = (number * 1000) / fps;
  return Math.round((nearUtcMs - inPeriod) / period) * period + inPeriod;
}

/** Draws into a luma plane of `width` x `height`, one byte a pixel. */
export function drawFrameCode(luma: Uint8Array, width: number, height: number, number: number): void {
  const top = height - stripHeight(height);
  const row = luma.subarray(top * width, (top + 1) * width);
  for (let block = 0; block < BLOCKS; block += 1)
    row.fill(blockValue(block, number) ? WHITE : BLACK, edge(block, width), edge(block + 1, width));
  for (let y = top + 1; y < height; y += 1) luma.copyWithin(y * width, top * width, (top + 1) * width);
}

/** The number in a picture of luma (1 byte a pixel) or RGBA (4 bytes), or null when there is none to be read. */
export function readFrameCode(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number): number | null {
  const stride = pixels.length >= width * height * 4 ? 4 : 1;
  const y = Math.round(height - stripHeight(height) / 2);
  const value = (block: number) => {
    const x = Math.round((edge(block, width) + edge(block + 1, width)) / 2);
    // Green stands for luma: the strip has no colour.
    const at = (dx: number, dy: number) => pixels[((y + dy) * width + x + dx) * stride + (stride === 4 ? 1 : 0)] ?? 0;
    return (at(0, 0) + at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)) / 5;
  };
  const white = value(0);
  const black = value(BLOCKS - 1);
  if (white - black < MIN_CONTRAST) return null;
  const middle = (white + black) / 2;
  let number = 0;
  for (let bit = 0; bit < BITS; bit += 1) number = number * 2 + (value(bit + 1) > middle ? 1 : 0);
  return number;
}

function blockValue(block: number, number: number): boolean {
  if (block === 0) return true;
  if (block === BLOCKS - 1) return false;
  return Math.floor(number / 2 ** (BITS - block)) % 2 === 1;
}

const edge = (block: number, width: number): number => Math.round((block * width) / BLOCKS);
