import { join } from 'node:path';
import type { Identity } from '../../peer/identity.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { CameraId } from '../contract/model.ts';
import { segmentFile } from '../segment/names.ts';
import type { RemovedRange, SegmentProofs } from '../segment/proofs.ts';
import type { CameraKey, FolderRoots, NewSegment } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { Chain } from './chain.ts';
import { chainFiles, chainFolder, LinkReader, recordsOf } from './chain-files.ts';
import { ChainIndex } from './chain-index.ts';
import { compact } from './compaction.ts';
import { hashFile } from './file-hash.ts';
import { formatHeads, HEADS_SETTING } from './heads.ts';
import { nextPrev, sameBytes } from './link.ts';

const MAX_COUNT = 2 ** 32 - 1;
const COMPACT_MS = 86_400_000;
/** Whatever there was. */
const EVERYTHING: RemovedRange = { first: utcMs(0), last: utcMs(Number.MAX_SAFE_INTEGER), count: MAX_COUNT };

export interface ProofLogOptions {
  readonly dataDir: string;
  readonly storage: Pick<Storage, 'call'>;
  /** Where files are that have to be read to be sealed. */
  readonly folders: FolderRoots;
  readonly identity: Pick<Identity, 'publicKey' | 'sign'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The chains of all cameras. A link is made for each segment that is finished and for each that is taken away; docs/proofs.md has what
 * they prove.
 */
export class ProofLog implements SegmentProofs {
  readonly counters = { sealed: 0, found: 0, removed: 0, compacted: 0, mismatches: 0 };
  readonly #options: ProofLogOptions;
  readonly #cameras = new Map<CameraKey, CameraRow>();
  readonly #chains = new Map<CameraKey, Promise<Chain>>();
  /** Of the camera asked about last: a repair goes camera by camera. */
  #index: { readonly camera: CameraKey; readonly index: ChainIndex } | null = null;
  readonly #openedAt: number;
  #timer: Timer | null = null;
  #compacting: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ProofLogOptions) {
    this.#options = options;
    this.#openedAt = options.clock.now();
  }

  /**
   * Opens the chains of all cameras, before the repair: tears are cut, ends compared with what the database knows. Returns a sentence for
   * each chain that is not what it was, or cannot be opened now. Idempotent.
   */
  async start(): Promise<readonly string[]> {
    if (this.#timer) return [];
    const notices: string[] = [];
    for (const camera of await this.#options.storage.call('cameras', { removed: true })) {
      try {
        const notice = await this.#resume(camera);
        if (notice) notices.push(notice);
      } catch (error) {
        // A full disk keeps nobody from starting: the chain is opened when the first segment wants it.
        this.#options.log.warn('a chain of proofs could not be opened', { camera: camera.id, error: String(error) });
      }
    }
    await this.#keepHeads().catch((error: unknown) =>
      this.#options.log.warn('the ends of the proofs were not kept', { error: String(error) }),
    );
    this.#arm();
    return notices;
  }

  async #resume(camera: CameraRow): Promise<string | null> {
    const { storage, log } = this.#options;
    const known = await storage.call('proofHead', { camera: camera.key });
    // A camera that was removed before there were chains has none to open.
    if (camera.removedAt !== null && !known) return null;
    const chain = await this.#chain(camera.key);
    const replaced = known !== null && !(await holds(chain, known));
    if (replaced) {
      this.counters.mismatches += 1;
      log.error('the proofs are not those that were kept last', { camera: camera.id, known: known.seq, found: chain.head.seq });
      await chain.append({ kind: 'mismatch', knownSeq: known.seq, known: known.hash });
    }
    if (chain.foreign) log.error('the proofs end with links that another key signed', { camera: camera.id, found: chain.head.seq });
    await chain.append({ kind: 'opened' });
    await this.#noteHead(camera.key, chain);
    return replaced || chain.foreign
      ? `The proofs of ${camera.name} are not those that were kept last: some were taken away, replaced or put in. "keyhole verify" says more.`
      : null;
  }

  /** Old months become one link each day, not at the start, when there is other work. */
  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#compacting = this.compact().catch((error: unknown) =>
        this.#options.log.warn('old proofs could not be summed up', { error: String(error) }),
      );
      this.#arm();
    }, COMPACT_MS);
  }

  /** A camera that was added: footage from `since` on is owed a link. */
  async begin(camera: CameraKey): Promise<void> {
    await this.#chain(camera);
  }

  async sealed(segment: NewSegment): Promise<Uint8Array | null> {
    const chain = await this.#chain(segment.camera);
    const { hash, content = null } = segment;
    if (hash && content) {
      await this.#seal(chain, segment, hash, content, false, false);
      return hash;
    }
    const known = await this.#known(chain, segment);
    if (known && known.bytes === segment.bytes && (hash === null || sameBytes(hash, known.hash))) return known.hash;
    if (hash === null && !known && segment.start < chain.since) return null;
    const root = segment.folder === null ? null : this.#options.folders.root(segment.folder);
    if (root === null) return hash;
    const read = await hashFile(join(root, segmentFile(chain.camera, segment.start, segment.origin)));
    if (!read.content) {
      this.#options.log.warn('a file that is no segment was given to the chain of proofs', { camera: chain.camera, start: segment.start });
      return read.hash;
    }
    await this.#seal(chain, segment, read.hash, read.content, hash === null, known !== null);
    return read.hash;
  }

  async removed({ camera, ranges, why }: Parameters<SegmentProofs['removed']>[0]): Promise<void> {
    const chain = await this.#chain(camera);
    await Promise.all(ranges.map((range) => chain.append({ kind: 'removed', ...limited(range), why })));
    this.counters.removed += ranges.reduce((sum, { count }) => sum + count, 0);
    if (this.#index?.camera === camera) this.#index = null;
    await this.#noteHead(camera, chain);
  }

  /** A camera is removed with all that was recorded. */
  removedAll(camera: CameraKey): Promise<void> {
    return this.removed({ camera, ranges: [EVERYTHING], why: 'person' });
  }

  /** Replaces old files of links whose segments are all gone by one signed link. To be called about once a day. */
  async compact(): Promise<void> {
    for (const [camera, opening] of this.#chains) {
      const chain = await opening;
      const { publicKey, sign } = this.#options.identity;
      this.counters.compacted += await compact({ chain, key: { publicKey, sign: (m) => sign(m) }, at: this.#options.clock.now() });
      if (this.#index?.camera === camera) this.#index = null;
    }
  }

  /** The ends of the chains, for people to write down elsewhere. */
  async heads(): Promise<readonly { readonly camera: CameraId; readonly seq: number; readonly hash: Uint8Array }[]> {
    return Promise.all(
      [...this.#chains.values()].map(async (opening) => {
        const chain = await opening;
        return { camera: chain.camera, ...chain.head };
      }),
    );
  }

  /** Notes the end. What cannot be noted of one chain is noted of the others. Idempotent; does not reject. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#compacting;
    const failed = (what: object) => (error: unknown) =>
      this.#options.log.warn('the end of the proofs could not be noted', { ...what, error: String(error) });
    for (const [camera, opening] of this.#chains) await this.#end(camera, opening).catch(failed({ camera }));
    await this.#keepHeads().catch(failed({}));
  }

  async #end(camera: CameraKey, opening: Promise<Chain>): Promise<void> {
    const chain = await opening;
    try {
      await chain.append({ kind: 'closed' });
      await this.#noteHead(camera, chain);
    } finally {
      await chain.close();
    }
  }

  async #seal(chain: Chain, segment: NewSegment, hash: Uint8Array, content: Uint8Array, found: boolean, replaces: boolean): Promise<void> {
    const { origin, start, end, bytes, camera } = segment;
    const link = await chain.append({ kind: 'segment', origin, start, end, bytes, hash, content, found, replaces });
    this.counters.sealed += 1;
    if (found) this.counters.found += 1;
    if (this.#index?.camera === camera && link.kind === 'segment') this.#index.index.segment(link);
    await this.#noteHead(camera, chain);
  }

  /** The link that is owed for this start, if there is one. */
  async #known(chain: Chain, { camera, start }: NewSegment): Promise<{ readonly bytes: number; readonly hash: Uint8Array } | null> {
    const files = await chainFiles(chain.folder);
    if (this.#index?.camera !== camera) {
      const index = new ChainIndex();
      for (const file of files)
        for await (const { link } of recordsOf(file)) {
          if (link?.kind === 'segment') index.segment(link);
          else if (link?.kind === 'removed') index.removed(link);
        }
      this.#index = { camera, index };
    }
    const seq = this.#index.index.find(start);
    const found = seq === null ? null : await new LinkReader(files).at(seq);
    return found?.link?.kind === 'segment' ? found.link : null;
  }

  /** The database's word may be older than the chain's end, never newer. */
  async #noteHead(camera: CameraKey, chain: Chain): Promise<void> {
    await this.#options.storage.call('setProofHead', { camera, ...chain.head });
  }

  async #keepHeads(): Promise<void> {
    await this.#options.storage.call('setSetting', { key: HEADS_SETTING, value: formatHeads(await this.heads()) });
  }

  #chain(key: CameraKey): Promise<Chain> {
    const known = this.#chains.get(key);
    if (known) return known;
    const opening = this.#open(key);
    this.#chains.set(key, opening);
    opening.catch(() => this.#chains.delete(key));
    return opening;
  }

  async #open(key: CameraKey): Promise<Chain> {
    const { dataDir, storage, identity, clock } = this.#options;
    if (!this.#cameras.has(key)) for (const row of await storage.call('cameras', { removed: true })) this.#cameras.set(row.key, row);
    const camera = this.#cameras.get(key);
    if (!camera) throw new Error(`no camera has the key ${key}`);
    // What was recorded before there was a chain has no link, and a start must not read all of it.
    const since = camera.createdAt >= this.#openedAt ? camera.createdAt : await this.#beginning(camera);
    return Chain.open({ folder: chainFolder(dataDir, camera.id), camera: camera.id, key: identity, clock, since });
  }

  async #beginning({ key, createdAt }: CameraRow): Promise<number> {
    const [first] = await this.#options.storage.call('segmentsInRange', {
      camera: key,
      from: createdAt,
      to: Number.MAX_SAFE_INTEGER as typeof createdAt,
      limit: 1,
    });
    return first ? this.#openedAt : createdAt;
  }
}

/** Whether the chain has the link that the database knows of; one that a summary stands for can be compared no more. */
async function holds(chain: Chain, known: { readonly seq: number; readonly hash: Uint8Array }): Promise<boolean> {
  if (known.seq > chain.head.seq) return false;
  if (known.seq === chain.head.seq) return sameBytes(known.hash, chain.head.hash);
  const files = await chainFiles(chain.folder);
  const found = await new LinkReader(files).at(known.seq);
  if (found?.link) return sameBytes(nextPrev(chain.camera, found.record, found.link), known.hash);
  for (const file of files)
    for await (const { link } of recordsOf(file)) {
      if (link?.kind === 'summary' && link.first <= known.seq && known.seq <= link.seq) return true;
      break;
    }
  return false;
}

function limited({ first, last, count }: RemovedRange): RemovedRange {
  return { first, last, count: Math.min(count, MAX_COUNT) };
}
