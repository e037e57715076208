import { CodedError } from '../base/errors.ts';
import { pts90k, type Pts90k } from '../base/units.ts';
import { concat } from '../media/concat.ts';

export interface GrayPicture {
  /** Of the frame it was, in the time that went in. */
  readonly pts: Pts90k;
  /** One byte a pixel, row by row. */
  readonly pixels: Uint8Array;
}

const NEWLINE = 0x0a;
const MAX_LINE = 4096;

/** Reads what GrayDecoder makes ffmpeg write: for each picture a line of framecrc, and then its bytes. */
export class GrayReader {
  readonly #bytes: number;
  readonly #onPicture: (picture: GrayPicture) => void;
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** Ticks of 1/90000 s in one of ffmpeg's. */
  #ticks = 90;
  /** Time of the picture whose bytes come next. */
  #due: Pts90k | null = null;

  /** @param options.bytes of a picture */
  constructor(options: { readonly bytes: number; readonly onPicture: (picture: GrayPicture) => void }) {
    this.#bytes = options.bytes;
    this.#onPicture = options.onPicture;
  }

  /** @throws CodedError `protocol-error` when this is not what ffmpeg writes */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#due !== null && this.#held < this.#bytes) return;
    let rest = concat(this.#chunks);
    for (;;) {
      if (this.#due !== null) {
        if (rest.length < this.#bytes) break;
        const picture = { pts: this.#due, pixels: rest.slice(0, this.#bytes) };
        rest = rest.subarray(this.#bytes);
        this.#due = null;
        this.#onPicture(picture);
      }
      const end = rest.indexOf(NEWLINE);
      if (end > MAX_LINE || (end < 0 && rest.length > MAX_LINE)) throw unreadable();
      if (end < 0) break;
      this.#line(Buffer.from(rest.subarray(0, end)).toString('latin1'));
      rest = rest.subarray(end + 1);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
  }

  #line(line: string): void {
    const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)/.exec(line) ?? [];
    if (denominator) this.#ticks = (90_000 * Number(numerator)) / Number(denominator);
    if (line.startsWith('#')) return;
    const [, pts, bytes] = /^0, *-?\d+, *(-?\d+), *-?\d+, *(\d+), *0x/.exec(line) ?? [];
    if (Number(bytes) !== this.#bytes) throw unreadable();
    this.#due = pts90k(Math.round(Number(pts) * this.#ticks));
  }
}

const unreadable = () =>
  new CodedError(
    'protocol-error',
    'The pictures of ffmpeg cannot be read: they are not those that were asked for. Try another version of it.',
  );
