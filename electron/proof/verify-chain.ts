import { fingerprintOf } from '../../peer/identity.ts';
import type { CameraId, FolderKey } from '../contract/model.ts';
import type { RemoteSegments } from '../playback/segment-reader.ts';
import type { CameraKey } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import type { ChainHead } from './chain.ts';
import { FileCheck } from './file-check.ts';
import { Findings, type Finding } from './findings.ts';
import { sameBytes } from './link.ts';
import { readChain, type ReadChain } from './read-chain.ts';

export interface VerifyOptions {
  readonly dataDir: string;
  readonly camera: { readonly id: CameraId; readonly key: CameraKey | null };
  /** Null: there is no database; files are looked for in every folder. */
  readonly storage: Pick<Storage, 'call'> | null;
  /** Where recordings may be. `present`: false for a folder whose disk is not there. */
  readonly folders: readonly { readonly key: FolderKey; readonly root: string; readonly present: boolean }[];
  /** Footage that begins in [from, to); the chain is read whole all the same. UTC milliseconds. */
  readonly from?: number;
  readonly to?: number;
  /** Reads every file and every signature; else it is looked whether files are there and of the right size. */
  readonly deep: boolean;
  /** The app's key, where it is known. */
  readonly key?: Uint8Array | null;
  /** Ends that the backup of the settings remembers. The database's own is asked for. */
  readonly heads?: readonly ChainHead[];
  /** Reads what only the archive has; null: nobody can. Asked only when all is read (`deep`). */
  readonly archive?: RemoteSegments | null;
  readonly now: number;
  readonly progress?: ((done: { readonly stage: 'chain' | 'files'; readonly count: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifyReport {
  readonly camera: CameraId;
  /** Links in the chain. */
  readonly links: number;
  /** Segments in the range that should be there, by the chain. */
  readonly segments: number;
  /** Of those, which were read and found unchanged (or, not deep, are there with their size). */
  readonly good: number;
  /** Of those, which the app found at a start, after a crash as a rule, and sealed only then: nothing proves what they were before. */
  readonly found: number;
  readonly bytes: number;
  /** Not looked at: on a disk that is not there, and no archive has it. */
  readonly unchecked: number;
  /** What no folder has any more, and the archive has: read there and unchanged, or not read. */
  readonly archived: {
    readonly good: number;
    readonly unread: number;
    /** Why it was not read, where it was to be: the first sentence of its kind. */
    readonly why: string | null;
  };
  /** Files from before the chain began. */
  readonly unproven: number;
  /** No finding, since the app said so: files that were gone when it started. */
  readonly lost: ReadChain['lost'];
  readonly head: ChainHead | null;
  readonly since: number | null;
  /** Of the key that signs now. */
  readonly fingerprint: string | null;
  /** Of those that signed before, in order, at most 100: the app lost its key, or these links are another's. */
  readonly earlier: readonly string[];
  readonly findings: readonly Finding[];
  /** With those that the list had no room for. */
  readonly total: number;
}

const MAX_EARLIER = 100;

/** Compares a camera's chain with itself, with what the app remembers of it, and with the files. */
export async function verifyChain(options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings(options.camera.id);
  const known = await knownHeads(options);
  const chain = await readChain({
    dataDir: options.dataDir,
    camera: options.camera.id,
    findings,
    ask: known.map(({ seq }) => seq),
    everySignature: options.deep,
    progress: (count) => options.progress?.({ stage: 'chain', count }),
    signal: options.signal,
  });
  checkHeads(chain, known, findings);
  checkKey(chain, options, findings);
  for (const link of chain.index.shortRemovals)
    findings.add('unsaid-removal', 'Before segments were removed, some of them had been taken out of the index without a word.', { link });
  const files = new FileCheck(options, chain, findings);
  await files.run();
  return {
    camera: options.camera.id,
    links: chain.links,
    ...files.counts,
    archived: { ...files.archive.counts },
    lost: chain.lost,
    head: chain.head,
    since: chain.links > 0 ? chain.since : null,
    fingerprint: chain.keys.length > 0 ? fingerprintOf(chain.keys.at(-1) as Uint8Array) : null,
    earlier: chain.keys.slice(0, -1).slice(-MAX_EARLIER).map(fingerprintOf),
    findings: findings.list,
    total: findings.total,
  };
}

async function knownHeads({ storage, camera, heads = [] }: VerifyOptions): Promise<readonly ChainHead[]> {
  const stored = storage && camera.key !== null ? await storage.call('proofHead', { camera: camera.key }) : null;
  return stored ? [stored, ...heads] : heads;
}

function checkHeads(chain: ReadChain, known: readonly ChainHead[], findings: Findings): void {
  for (const { seq, hash } of known) {
    const found = chain.known.get(seq);
    if (found === null) continue;
    if (!chain.head) findings.add('chain-cut', 'The whole chain is gone.', { link: seq });
    else if (seq > chain.head.seq)
      findings.add('chain-cut', `The chain ends with link ${chain.head.seq}; the app knew of link ${seq}.`, { link: seq });
    else if (!found || !sameBytes(found, hash))
      findings.add('chain-cut', `Link ${seq} is not the one that the app knew: the chain was replaced from some point on.`, { link: seq });
  }
}

function checkKey(chain: ReadChain, { key }: VerifyOptions, findings: Findings): void {
  const last = chain.keys.at(-1);
  if (key && last && !sameBytes(key, last))
    findings.add('foreign-signature', `The chain is signed by ${fingerprintOf(last)}; this app is ${fingerprintOf(key)}.`);
}
