import type { CameraId } from '../contract/model.ts';

/** What a verification can find, and in which order of weight people should hear of it. */
export type FindingKind =
  /** A link is no link, or does not name the one before it. */
  | 'chain-broken'
  /** The chain ends before what the database or the backup knows, or the whole chain is gone. */
  | 'chain-cut'
  /** A link was signed by another key, or by none. */
  | 'foreign-signature'
  /** The app itself found at a start that links were taken away. */
  | 'mismatch'
  /** The file is not what was recorded. */
  | 'changed'
  /** Only the archive has it, and what it has is gone, incomplete or altered. */
  | 'archive-copy'
  /** Its file is gone and nobody said so. */
  | 'missing'
  /** The file is another recording under this one's name. */
  | 'moved'
  /** A file that the chain does not know. */
  | 'unknown-file'
  /** The index says another hash, or other times, than the chain. */
  | 'index-differs'
  /** The times inside the file are not those of its link. */
  | 'wrong-time'
  /** Segments had gone before a removal that names them. */
  | 'unsaid-removal';

export interface Finding {
  readonly kind: FindingKind;
  readonly camera: CameraId;
  /** UTC milliseconds of what is concerned; null where it is the chain itself. */
  readonly from: number | null;
  readonly to: number | null;
  /** Number of the link. */
  readonly link: number | null;
  /** One sentence. */
  readonly text: string;
}

/** More are counted and not kept: who has ten thousand needs no list. */
const MAX_FINDINGS = 10_000;

export class Findings {
  readonly list: Finding[] = [];
  readonly #camera: CameraId;
  readonly #counts = new Map<FindingKind, number>();

  constructor(camera: CameraId) {
    this.#camera = camera;
  }

  add(kind: FindingKind, text: string, about: { from?: number; to?: number; link?: number } = {}): void {
    this.#counts.set(kind, this.count(kind) + 1);
    if (this.list.length >= MAX_FINDINGS) return;
    this.list.push({ kind, camera: this.#camera, from: about.from ?? null, to: about.to ?? null, link: about.link ?? null, text });
  }

  count(kind: FindingKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
