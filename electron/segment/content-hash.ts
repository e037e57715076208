import { createHash, type Hash } from 'node:crypto';
import { boxesIn } from '../media/fmp4/boxes.ts';
import { setSequenceNumber } from '../media/fmp4/fragment.ts';
import { parsePrft } from '../media/fmp4/prft.ts';

/** What each hash is over begins with one of these bytes, so that none can be taken for another. */
const OF = { header: 0, fragment: 1, group: 2, segment: 3 } as const;

/** The pictures and sounds from a keyframe up to the next. */
export interface GroupHash {
  /** Wall clock of its keyframe, whole UTC milliseconds, as its `prft` says. */
  readonly at: number;
  readonly fragments: readonly Uint8Array[];
}

/**
 * SHA-256 over what a segment shows, as a tree: header and groups; a group over its time and its fragments. A clip that holds some of the
 * fragments proves that they belong to the segment by naming the hashes of the others. The number that a fragment carries is not part of
 * it, since a clip numbers them anew; its decode time is.
 *
 * Fed with a file's bytes in order, whole boxes in each part.
 */
export class ContentHash {
  readonly #groups: { at: number; fragments: Uint8Array[] }[] = [];
  readonly #header: Hash = createHash('sha256').update(Uint8Array.of(OF.header));
  readonly #keep: boolean;
  readonly #closed: Uint8Array[] = [];
  #moof: Uint8Array | null = null;
  #whole = true;

  /** @param keep false: finished groups are kept as one hash each, which is what a writer needs */
  constructor(keep = true) {
    this.#keep = keep;
  }

  push(part: Uint8Array): void {
    let end = 0;
    for (const box of boxesIn(part)) {
      end = box.end;
      const bytes = part.subarray(box.start, box.end);
      if (box.type === 'prft') this.#begin(Math.round(parsePrft(bytes)?.utc ?? NaN));
      else if (box.type === 'moof') this.#moof = bytes;
      else if (box.type === 'mdat') this.#fragment(bytes);
      else if (this.#groups.length + this.#closed.length === 0) this.#header.update(bytes);
      else this.#whole = false;
    }
    if (end !== part.length) this.#whole = false;
  }

  /** Groups so far; needs `keep`. */
  get groups(): readonly GroupHash[] {
    return this.#groups;
  }

  headerHash(): Uint8Array {
    return this.#header.copy().digest();
  }

  /** Null when what was pushed is not a segment's bytes. */
  digest(): Uint8Array | null {
    const groups = [...this.#closed, ...this.#groups.map(groupHash)];
    return this.#whole && this.#moof === null && groups.length > 0 ? segmentHash(this.headerHash(), groups) : null;
  }

  #begin(at: number): void {
    const last = this.#groups.at(-1);
    if (!this.#keep && last) {
      this.#groups.pop();
      this.#closed.push(groupHash(last));
    }
    if (!Number.isSafeInteger(at) || at < 0) this.#whole = false;
    else this.#groups.push({ at, fragments: [] });
  }

  #fragment(mdat: Uint8Array): void {
    const group = this.#groups.at(-1);
    if (!this.#moof || !group) this.#whole = false;
    else group.fragments.push(fragmentHash(this.#moof, mdat));
    this.#moof = null;
  }
}

/** @param moof as it stands in the segment's file, but for its number */
export function fragmentHash(moof: Uint8Array, mdat: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(Uint8Array.of(OF.fragment));
  const copy = moof.slice();
  setSequenceNumber(copy, 0);
  return hash.update(copy).update(mdat).digest();
}

export function groupHash({ at, fragments }: GroupHash): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt8(OF.group);
  head.writeBigUInt64BE(BigInt(at), 1);
  head.writeUInt32BE(fragments.length, 9);
  return over(head, fragments);
}

export function segmentHash(header: Uint8Array, groups: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(OF.segment);
  head.writeUInt32BE(groups.length, 1);
  return over(head, [header, ...groups]);
}

export function headerHash(header: Uint8Array): Uint8Array {
  return over(Buffer.from([OF.header]), [header]);
}

function over(head: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(head);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
