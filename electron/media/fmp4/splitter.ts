import { CodedError } from '../../base/errors.ts';
import { concat } from '../concat.ts';
import { readHeader, type Box } from './boxes.ts';

/** A whole top-level box with its header. */
export interface TopLevelBox {
  readonly type: string;
  /** A view of the chunk it came in, or a copy where it came in several. */
  readonly bytes: Uint8Array;
  /** Where its content begins in `bytes`. */
  readonly bodyStart: number;
}

/** Cuts a stream of chunks into whole top-level boxes. Holds at most one box and one chunk. */
export class BoxSplitter {
  readonly #maxBoxBytes: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** Bytes that the box begun needs; its header, as long as that is not whole. */
  #needed = 8;

  /** `maxBoxBytes`: a box that claims more ends the stream with an error. */
  constructor(options: { maxBoxBytes?: number } = {}) {
    this.#maxBoxBytes = options.maxBoxBytes ?? 16 * 1024 * 1024;
  }

  /** Bytes of a box that has begun and not ended. */
  get pendingBytes(): number {
    return this.#held;
  }

  /**
   * The boxes that this chunk completes. The chunk must not be changed afterwards.
   * @throws CodedError `protocol-error` when what comes is no sequence of boxes, or one is too big; the splitter is of no use then
   */
  push(chunk: Uint8Array): TopLevelBox[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return [];
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only ? only : concat(this.#chunks);
    const found: TopLevelBox[] = [];
    let offset = 0;
    for (;;) {
      const header = this.#header(bytes, offset);
      if (!header || header.end > bytes.length) {
        this.#needed = header ? header.end - offset : bytes.length - offset < 8 ? 8 : 16;
        break;
      }
      found.push({ type: header.type, bytes: bytes.subarray(offset, header.end), bodyStart: header.bodyStart - offset });
      offset = header.end;
    }
    this.#chunks = offset < bytes.length ? [bytes.subarray(offset)] : [];
    this.#held = bytes.length - offset;
    return found;
  }

  #header(bytes: Uint8Array, offset: number): Box | null {
    const left = bytes.length - offset;
    if (left < 8) return null;
    const size = new DataView(bytes.buffer, bytes.byteOffset + offset, 8).getUint32(0);
    if (size === 1 && left < 16) return null;
    const header = size === 0 ? null : readHeader(bytes, offset);
    if (!header || header.end - offset > this.#maxBoxBytes) {
      throw new CodedError(
        'protocol-error',
        'What should be an MP4 stream has a box of an impossible size: the sender is not one, or bytes were lost.',
      );
    }
    return header;
  }
}
