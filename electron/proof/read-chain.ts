import type { CameraId } from '../contract/model.ts';
import { chainFiles, chainFolder, recordsOf, type ChainFile, type ReadRecord } from './chain-files.ts';
import type { ChainHead } from './chain.ts';
import { ChainIndex } from './chain-index.ts';
import type { Findings } from './findings.ts';
import { nextPrev, NO_LINK, sameBytes, signatureHolds, type Link } from './link.ts';

/**
 * Every link's hash is checked, and that it names the one before. A signature holds for all links behind which it stands in an unbroken chain,
 * so it is enough to look at one in so many: at 0.1 to 0.2 ms each they would make up nearly all of the time.
 */
export const SIGNATURE_EVERY = 256;

/** Losses that are listed. */
const MAX_LOST = 1_000;

export interface ReadChain {
  readonly files: readonly ChainFile[];
  readonly index: ChainIndex;
  readonly links: number;
  readonly head: ChainHead | null;
  /** Footage that began before is owed no link, UTC milliseconds. */
  readonly since: number;
  /** Segments whose files the app itself found to be gone, and when it did. */
  readonly lost: readonly { readonly first: number; readonly last: number; readonly count: number; readonly at: number }[];
  /** Keys that signed, in order; more than one when the app's identity was lost. */
  readonly keys: readonly Uint8Array[];
  /** Hashes of the links asked about, as far as the chain has them; null: a summary stands for the link. */
  readonly known: ReadonlyMap<number, Uint8Array | null>;
}

/** Reads a whole chain in order; what is wrong with it goes to `findings`. Holds 13 bytes a segment. */
export async function readChain(args: {
  readonly dataDir: string;
  readonly camera: CameraId;
  readonly findings: Findings;
  /** Numbers of links whose hash is asked for. */
  readonly ask: readonly number[];
  /** Every signature instead of one in so many. */
  readonly everySignature: boolean;
  readonly progress?: ((links: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<ReadChain> {
  const { dataDir, camera, findings, everySignature } = args;
  const files = await chainFiles(chainFolder(dataDir, camera));
  const reader = new Reader(camera, findings, new Set(args.ask), everySignature);
  let links = 0;
  for (const file of files) {
    reader.file(file);
    for await (const found of recordsOf(file)) {
      args.signal?.throwIfAborted();
      reader.take(found);
      links += 1;
      if (links % 1_024 === 0) args.progress?.(links);
    }
  }
  const { index, head, since, keys, known, lost } = reader;
  reader.end();
  return { files, index, links, head, since, keys, known, lost };
}

class Reader {
  readonly index = new ChainIndex();
  readonly keys: Uint8Array[] = [];
  /** By key, in hex: the first link that another one signed behind it. */
  readonly #ended = new Map<string, number>();
  readonly known = new Map<number, Uint8Array | null>();
  readonly lost: { first: number; last: number; count: number; at: number }[] = [];
  head: ChainHead | null = null;
  since = 0;
  readonly #camera: CameraId;
  readonly #findings: Findings;
  readonly #ask: ReadonlySet<number>;
  readonly #everySignature: boolean;
  #next = 0;
  #prev: Uint8Array | null = NO_LINK;
  #last: { readonly record: Uint8Array; readonly link: Link } | null = null;

  constructor(camera: CameraId, findings: Findings, ask: ReadonlySet<number>, everySignature: boolean) {
    this.#camera = camera;
    this.#findings = findings;
    this.#ask = ask;
    this.#everySignature = everySignature;
  }

  file({ first }: ChainFile): void {
    if (first === this.#next) return;
    this.#findings.add('chain-broken', `Links ${this.#next} to ${first - 1} of the chain are gone.`, { link: this.#next });
    this.#next = first;
    this.#prev = null;
  }

  take({ record, link }: ReadRecord): void {
    const number = this.#next;
    if (!link) return this.#broken(number, `Link ${number} of the chain was overwritten: it is not one any more.`);
    if ((link.kind === 'summary' ? link.first : link.seq) !== number)
      return this.#broken(number, `Link ${number} of the chain is another one, number ${link.seq}: links were reordered.`, link.seq + 1);
    if (this.#prev && !sameBytes(link.prev, this.#prev)) {
      const text = `Link ${number} does not follow the one before it: one of the two was changed, or links between them were taken out.`;
      this.#findings.add('chain-broken', text, timesOf(link));
      // The link before is vouched for by its own signature alone.
      if (this.#last) this.#checkSignature(this.#last.record, this.#last.link);
      this.#checkSignature(record, link);
    }
    this.#note(link);
    if (this.#everySignature || number % SIGNATURE_EVERY === 0 || !['segment', 'removed'].includes(link.kind))
      this.#checkSignature(record, link);
    this.#prev = nextPrev(this.#camera, record, link);
    this.#next = link.seq + 1;
    this.#last = { record: new Uint8Array(record), link };
    this.head = { seq: link.seq, hash: this.#prev };
    if (this.#ask.has(link.seq)) this.known.set(link.seq, this.#prev);
    if (link.kind === 'summary') for (const seq of this.#ask) if (seq >= link.first && seq < link.seq) this.known.set(seq, null);
  }

  /** The newest link has nobody behind it who vouches for it. */
  end(): void {
    if (this.#last && !this.#everySignature) this.#checkSignature(this.#last.record, this.#last.link);
  }

  #note(link: Link): void {
    if (link.kind === 'segment') this.index.segment(link);
    else if (link.kind === 'removed') this.#removed(link);
    else if (link.kind === 'begun' || link.kind === 'summary') {
      this.since = link.since;
      this.#key(link.key, link.seq);
    } else if (link.kind === 'identity') this.#key(link.key, link.seq);
    const mismatches = link.kind === 'mismatch' ? 1 : link.kind === 'summary' ? link.mismatches : 0;
    if (mismatches === 0) return;
    const when = new Date(link.at).toISOString();
    this.#findings.add('mismatch', `At ${when} the app found that links it had kept before were gone or replaced.`, { link: link.seq });
  }

  #removed(link: Extract<Link, { kind: 'removed' }>): void {
    this.index.removed(link);
    const { first, last, count, at, why } = link;
    if (why === 'lost' && this.lost.length < MAX_LOST) this.lost.push({ first, last, count, at });
  }

  /** An app that lost its key goes on with another for good. One whose key signs again never lost it: what is in between is not its own. */
  #key(key: Uint8Array, seq: number): void {
    const last = this.keys.at(-1);
    if (last && sameBytes(last, key)) return;
    const ended = this.#ended.get(hex(key));
    if (ended !== undefined) {
      const text = `Links ${ended} to ${seq - 1} are signed by another key, and behind them signs again who signed before: they were put in.`;
      this.#findings.add('foreign-signature', text, { link: ended });
    }
    if (last) this.#ended.set(hex(last), seq);
    this.keys.push(key);
  }

  #checkSignature(record: Uint8Array, link: Link): void {
    const key = this.keys.at(-1);
    if (key && signatureHolds(this.#camera, record, key)) return;
    this.#findings.add('foreign-signature', `Link ${link.seq} is not signed by the key of this chain.`, timesOf(link));
  }

  #broken(number: number, text: string, next = number + 1): void {
    this.#findings.add('chain-broken', text, { link: number });
    this.#next = next;
    this.#prev = null;
  }
}

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');

function timesOf(link: Link): { link: number; from?: number; to?: number } {
  return link.kind === 'segment' ? { link: link.seq, from: link.start, to: link.end } : { link: link.seq };
}
