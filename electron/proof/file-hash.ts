import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { BoxSplitter } from '../media/fmp4/splitter.ts';
import { ContentHash, type GroupHash } from '../segment/content-hash.ts';

/** No box of ours is larger, bytes; the splitter holds one. */
const MAX_BOX_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

export interface FileHash {
  readonly bytes: number;
  /** SHA-256 of the file. */
  readonly hash: Uint8Array;
  /** Null for a file that is not one of our segments. */
  readonly content: Uint8Array | null;
  readonly header: Uint8Array;
  readonly groups: readonly GroupHash[];
}

/** Reads a segment from a file, or from wherever `pieces` come from, once. Errors: the system's. */
export async function hashFile(source: string | AsyncIterable<Uint8Array>): Promise<FileHash> {
  const pieces: AsyncIterable<Uint8Array> = typeof source === 'string' ? createReadStream(source, { highWaterMark: READ_BYTES }) : source;
  const hash = createHash('sha256');
  const content = new ContentHash();
  let splitter: BoxSplitter | null = new BoxSplitter({ maxBoxBytes: MAX_BOX_BYTES });
  let bytes = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    bytes += piece.length;
    try {
      for (const box of splitter?.push(piece) ?? []) content.push(box.bytes);
    } catch {
      splitter = null;
    }
  }
  const whole = splitter?.pendingBytes === 0;
  return { bytes, hash: hash.digest(), content: whole ? content.digest() : null, header: content.headerHash(), groups: content.groups };
}
