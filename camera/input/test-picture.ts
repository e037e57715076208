import { drawText, fillRect, textHeight, textWidth } from './bitmap-font.ts';
import { drawFrameCode, frameTime, stripHeight } from './frame-code.ts';

export interface TestPictureOptions {
  /** Even, 160..3840 and 90..2160. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Chooses colours, furniture and walkers: the same seed is the same place. */
  readonly seed: number;
  readonly label: string;
  /** False leaves out the number of the frame, which tests read from the pixels. */
  readonly code?: boolean;
}

interface Walker {
  readonly y: number;
  readonly height: number;
  readonly speed: number;
  readonly start: number;
  readonly shade: number;
}

const TEXT = 224;
const TEXT_SHADOW = 28;

/** Draws the pictures of a place that does not exist, with a running clock, as YUV 4:2:0 planes. What does not move is drawn once. */
export class TestPicture {
  readonly #options: TestPictureOptions;
  readonly #frame: Uint8Array;
  readonly #luma: Uint8Array;
  readonly #background: Uint8Array;
  readonly #walkers: readonly Walker[];
  #dirty: { top: number; bottom: number }[] = [];

  constructor(options: TestPictureOptions) {
    this.#options = options;
    const { width, height, seed } = options;
    const random = randomOf(seed);
    this.#frame = new Uint8Array(width * height * 1.5);
    this.#luma = this.#frame.subarray(0, width * height);
    this.#background = new Uint8Array(width * height);
    this.#paintRoom(random);
    this.#paintColours(random() * 2 * Math.PI);
    this.#luma.set(this.#background);
    this.#walkers = Array.from({ length: 3 }, () => ({
      y: height * (0.52 + random() * 0.2),
      height: height * (0.2 + random() * 0.12),
      speed: (random() < 0.5 ? -1 : 1) * width * (0.03 + random() * 0.05),
      start: random() * width * 1.4,
      shade: 40 + random() * 50,
    }));
  }

  /** The picture of frame `number`, captured near `nearUtcMs`. The same buffer each time: copy it to keep it. */
  render(number: number, nearUtcMs: number): Uint8Array {
    const { width, height, fps, code } = this.#options;
    const utc = frameTime(number, fps, nearUtcMs);
    for (const { top, bottom } of this.#dirty) this.#luma.set(this.#background.subarray(top * width, bottom * width), top * width);
    this.#dirty = [];
    for (const walker of this.#walkers) this.#walk(walker, utc / 1000);
    this.#writeClock(utc);
    if (code !== false) drawFrameCode(this.#luma, width, height, number);
    return this.#frame;
  }

  #writeClock(utc: number): void {
    const { width, height } = this.#options;
    const scale = Math.max(1, Math.floor(height / 110));
    const margin = 4 * scale;
    const [date = '', time = ''] = new Date(utc).toISOString().split('T');
    this.#text(time.slice(0, 10), margin, margin, scale * 2);
    this.#text(date, margin, margin + textHeight(scale * 2) + 3 * scale, scale);
    const { label } = this.#options;
    this.#text(label, width - margin - textWidth(label, scale), margin, scale);
    this.#touch(0, margin + textHeight(scale * 3) + 5 * scale);
    this.#touch(height - stripHeight(height), height);
  }

  #text(text: string, left: number, top: number, scale: number): void {
    const { width, height } = this.#options;
    const shadow = Math.max(1, scale >> 1);
    drawText(this.#luma, width, height, text, left + shadow, top + shadow, scale, TEXT_SHADOW);
    drawText(this.#luma, width, height, text, left, top, scale, TEXT);
  }

  /** A figure with a soft edge, crossing the picture and coming back. */
  #walk({ y, height: tall, speed, start, shade }: Walker, seconds: number): void {
    const { width, height } = this.#options;
    const path = width * 1.4;
    const x = ((((start + speed * (seconds % 86_400)) % path) + path) % path) - width * 0.2;
    const step = Math.sin(seconds * 6 + start) * tall * 0.02;
    this.#blob(x, y + step - tall * 0.42, tall * 0.1, tall * 0.12, shade + 70);
    this.#blob(x, y + step, tall * 0.16, tall * 0.34, shade);
    this.#blob(x, y + tall * 0.52, tall * 0.26, tall * 0.05, 34);
    this.#touch(Math.floor(y - tall * 0.6), Math.min(height, Math.ceil(y + tall * 0.65)));
  }

  #blob(cx: number, cy: number, rx: number, ry: number, value: number): void {
    const { width, height } = this.#options;
    const luma = this.#luma;
    for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(height, cy + ry); y += 1) {
      const dy = (y - cy) / ry;
      for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(width, cx + rx); x += 1) {
        const dx = (x - cx) / rx;
        const inside = 1 - (dx * dx + dy * dy);
        if (inside <= 0) continue;
        const cover = Math.min(1, inside * 3);
        const at = y * width + x;
        luma[at] = (luma[at] ?? 0) * (1 - cover) + value * cover;
      }
    }
  }

  #touch(top: number, bottom: number): void {
    this.#dirty.push({ top: Math.max(0, top), bottom: Math.min(this.#options.height, bottom) });
  }

  /** A wall, a floor, light from one side, and a few pieces of furniture. */
  #paintRoom(random: () => number): void {
    const { width, height } = this.#options;
    const horizon = height * (0.42 + random() * 0.12);
    const lightX = width * random();
    for (let y = 0; y < height; y += 1) {
      const base = y < horizon ? 120 - 30 * (y / horizon) : 66 + 50 * ((y - horizon) / (height - horizon));
      for (let x = 0; x < width; x += 1) {
        const away = Math.hypot((x - lightX) / width, (y - horizon) / height);
        this.#background[y * width + x] = Math.max(20, base + 52 * Math.exp(-4 * away * away) - 18 * away);
      }
    }
    for (let piece = 0; piece < 5; piece += 1) {
      const w = width * (0.06 + random() * 0.12);
      const h = height * (0.12 + random() * 0.22);
      const left = random() * (width - w);
      const top = horizon - h * (0.55 + random() * 0.4);
      const shade = 52 + random() * 90;
      fillRect(this.#background, width, height, left, top, w, h, shade);
      fillRect(this.#background, width, height, left, top, w, Math.max(2, h * 0.05), shade + 34);
      fillRect(this.#background, width, height, left + w * 0.12, top + h * 0.14, w * 0.76, h * 0.3, shade - 16);
    }
  }

  /** One soft hue for the whole place, a little warmer below; the strip of the frame code stays grey. */
  #paintColours(hue: number): void {
    const { width, height } = this.#options;
    const [w, h] = [width / 2, height / 2];
    const cb = this.#frame.subarray(width * height, width * height + w * h);
    const cr = this.#frame.subarray(width * height + w * h);
    const grey = Math.floor((height - stripHeight(height)) / 2);
    for (let y = 0; y < h; y += 1) {
      const strength = 10 + 6 * (y / h);
      cb.fill(y < grey ? 128 + strength * Math.cos(hue) : 128, y * w, (y + 1) * w);
      cr.fill(y < grey ? 128 + strength * Math.sin(hue) : 128, y * w, (y + 1) * w);
    }
  }
}

/** Park and Miller: the same seed, the same place. */
function randomOf(seed: number): () => number {
  let state = (Math.abs(Math.floor(seed)) % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}
