import { open, rename, unlink } from 'node:fs/promises';
import type { Identity } from '../../peer/identity.ts';
import { syncFolder } from '../segment/disk.ts';
import type { Chain } from './chain.ts';
import { chainFiles, recordsOf, type ChainFile } from './chain-files.ts';
import { ChainIndex } from './chain-index.ts';
import { nextPrev, sameBytes, signatureHolds, signLink, type Link } from './link.ts';
import { SIGNATURE_EVERY } from './read-chain.ts';

/**
 * Replaces the oldest files, up to the first that has a segment which is still there, by a file of one signed link. Returns how many links
 * it stands for now. The newest file stays. Killed in between, the next start finishes.
 */
export async function compact(args: {
  readonly chain: Chain;
  readonly key: Pick<Identity, 'publicKey' | 'sign'>;
  readonly at: number;
}): Promise<number> {
  const { chain, key, at } = args;
  const files = await chainFiles(chain.folder);
  const old = files.slice(0, -1);
  if (old.length === 0) return 0;
  const index = new ChainIndex();
  for (const file of files)
    for await (const { link } of recordsOf(file)) {
      if (link?.kind === 'segment') index.segment(link);
      else if (link?.kind === 'removed') index.removed(link);
    }
  let oldestOwed = Infinity;
  for (const { seq } of index.owed(-Infinity, Infinity)) oldestOwed = Math.min(oldestOwed, seq);
  const done = old.filter((_, i) => oldestOwed >= (files[i + 1]?.first ?? 0));
  const [first] = done;
  if (!first || (done.length === 1 && first.links === 1)) return 0;
  const sum = await sumOf(chain.camera, done);
  // What cannot be read stays as it is, for the verification to say so; and so does what another key signed that was lost since.
  if (!sum || !sameBytes(sum.key, key.publicKey)) return 0;
  const { place, ...content } = sum;
  const record = signLink(chain.camera, { ...place, at: Math.round(at) }, { kind: 'summary', ...content }, (message) => key.sign(message));
  const fresh = `${first.path}.new`;
  const handle = await open(fresh, 'w');
  try {
    await handle.writeFile(record);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, first.path);
  await syncFolder(chain.folder);
  for (const file of done.slice(1)) await unlink(file.path);
  return done.reduce((links, file) => links + file.links, 0);
}

/** Null when a link cannot be read, does not follow the one before, or is not signed by the one key of them all: that must not be swept away. */
async function sumOf(camera: string, files: readonly ChainFile[]) {
  let first: Link | null = null;
  let last: { seq: number; hash: Uint8Array; signed: () => boolean } | null = null;
  let key: Uint8Array | null = null;
  const keys: Uint8Array[] = [];
  let [since, segments, mismatches, from] = [0, 0, 0, 0];
  for (const file of files)
    for await (const { record, link } of recordsOf(file)) {
      const next: number = last === null ? file.first : last.seq + 1;
      if (!link || (link.kind === 'summary' ? link.first : link.seq) !== next) return null;
      if (last && Buffer.compare(link.prev, last.hash) !== 0) return null;
      if (!first) from = next;
      first ??= link;
      if (link.kind === 'segment') segments += 1;
      else if (link.kind === 'mismatch') mismatches += 1;
      else if (link.kind === 'summary') {
        segments += link.segments;
        mismatches += link.mismatches;
      }
      if (link.kind === 'begun' || link.kind === 'summary') since = link.since;
      if (link.kind === 'begun' || link.kind === 'summary' || link.kind === 'identity') {
        // One that signs again was never lost: what is in between is not the app's own.
        if (keys.slice(0, -1).some((before) => sameBytes(before, link.key))) return null;
        if (!key || !sameBytes(key, link.key)) keys.push(link.key);
        key = link.key;
      }
      const signer = key;
      const signed = () => signer !== null && signatureHolds(camera, record, signer);
      if ((next % SIGNATURE_EVERY === 0 || !['segment', 'removed'].includes(link.kind)) && !signed()) return null;
      last = { seq: link.seq, hash: nextPrev(camera, record, link), signed };
    }
  if (!first || !last || !key || !last.signed()) return null;
  return { place: { seq: last.seq, prev: first.prev }, first: from, since, segments, mismatches, last: last.hash, key };
}
