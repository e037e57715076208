import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { readHeader } from '../media/fmp4/boxes.ts';
import { BoxSplitter } from '../media/fmp4/splitter.ts';
import { isProofBox, proofFits } from './export-format.ts';

const WINDOW_BYTES = 64 * 1024;
const MAX_BOX_BYTES = 64 * 1024 * 1024;

/** Where the parts of an exported file are. */
export interface ExportedFile {
  readonly bytes: number;
  /** Null where there is none. */
  readonly proof: { readonly offset: number; readonly box: Uint8Array } | null;
}

/** Looks for the proof, box by box. Errors: the system's. */
export async function findProof(path: string): Promise<ExportedFile> {
  const file = await open(path, 'r');
  try {
    const bytes = (await file.stat()).size;
    const window = new Window(file);
    for (let offset = 0; offset < bytes;) {
      const head = await window.at(offset, 24);
      const box = readHeader(head, 0, bytes - offset);
      if (!box) break;
      if (isProofBox(head) && box.end <= bytes - offset && proofFits(box.end)) {
        const whole = Buffer.alloc(box.end);
        await file.read(whole, 0, whole.length, offset);
        return { bytes, proof: { offset, box: whole } };
      }
      offset += box.end;
    }
    return { bytes, proof: null };
  } finally {
    await file.close();
  }
}

/** Small reads near each other from one large one. */
class Window {
  readonly #file: FileHandle;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async at(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      const buffer = new Uint8Array(WINDOW_BYTES);
      const { bytesRead } = await this.#file.read(buffer, 0, WINDOW_BYTES, offset);
      this.#start = offset;
      this.#bytes = buffer.subarray(0, bytesRead);
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }
}

export type FilePart =
  | { readonly kind: 'header'; readonly bytes: Uint8Array }
  | { readonly kind: 'fragment'; readonly moof: Uint8Array; readonly mdat: Uint8Array }
  /** A box that no clip of ours has, or bytes that are no box. */
  | { readonly kind: 'foreign'; readonly type: string };

/** What is in the file up to `end`, in order, and the SHA-256 of all of it once it is read. Holds one fragment. */
export class MediaReader {
  readonly #path: string;
  readonly #end: number;
  readonly #hash: Hash = createHash('sha256');

  constructor(path: string, end: number) {
    this.#path = path;
    this.#end = end;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }

  async *parts(): AsyncGenerator<FilePart> {
    if (this.#end === 0) return;
    const splitter = new BoxSplitter({ maxBoxBytes: MAX_BOX_BYTES });
    const header: Uint8Array[] = [];
    let begun = false;
    let moof: Uint8Array | null = null;
    let readable = true;
    for await (const chunk of createReadStream(this.#path, { end: this.#end - 1, highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      this.#hash.update(chunk);
      if (!readable) continue;
      const boxes = [];
      try {
        boxes.push(...splitter.push(chunk));
      } catch {
        readable = false;
      }
      for (const { type, bytes } of boxes) {
        if (type === 'moof') {
          if (!begun) yield { kind: 'header', bytes: Buffer.concat(header) };
          begun = true;
          if (moof) yield { kind: 'foreign', type: 'moof' };
          moof = bytes;
        } else if (type === 'mdat' && moof) {
          yield { kind: 'fragment', moof, mdat: bytes };
          moof = null;
        } else if (!begun && header.length < 16) header.push(bytes);
        else yield { kind: 'foreign', type };
      }
    }
    if (!readable || moof || splitter.pendingBytes > 0) yield { kind: 'foreign', type: '' };
  }
}
