import type { Identity } from '../../peer/identity.ts';
import { keyholeVersion } from '../base/version.ts';
import type { CameraId, Gap, Span } from '../contract/model.ts';
import type { Playback } from '../playback/playback.ts';
import { chainFiles, chainFolder, LinkReader, recordsOf } from './chain-files.ts';
import { ChainIndex } from './chain-index.ts';
import { proofBox, toText, type ExportProof } from './export-format.ts';
import { ExportWitness, type WitnessedSegment } from './export-witness.ts';
import { LINK_BYTES, sameBytes } from './link.ts';

/** Between two segments of an export so many links are carried along, 4 MB in all, so that one that was left out shows. */
const MAX_LINKS = 20_000;
const MAX_GAPS = 1_000;

export interface ProvenClipArgs extends Span {
  readonly playback: Pick<Playback, 'clip' | 'recordings'>;
  readonly dataDir: string;
  readonly camera: { readonly id: CameraId; readonly name: string; readonly fingerprint: string | null };
  readonly key: Pick<Identity, 'publicKey' | 'sign'>;
  readonly now: number;
  /** Which of how many files this is, where the camera changed its format. */
  readonly part?: { readonly number: number; readonly of: number };
  /** Told once the clip is whole: times in it whose file is not what was recorded. The clip says so too, to who verifies it. */
  readonly onChanged?: (spans: readonly Span[]) => void;
}

/** The pieces of a clip, and last a box that proves what they are. Errors before the first piece: those of a clip. */
export async function* provenClip(args: ProvenClipArgs): AsyncGenerator<Uint8Array> {
  const { playback, camera, from, to, key } = args;
  const witness = new ExportWitness();
  for await (const piece of playback.clip({ camera: camera.id, from, to }, witness)) {
    witness.piece(piece);
    yield piece;
  }
  const { media, segments } = witness.end();
  const { links, chain, changed } = await linksOf(args.dataDir, camera.id, segments);
  const { gaps } = await playback.recordings({ camera: camera.id, from, to });
  if (changed.length > 0) args.onChanged?.(changed);
  const proof: ExportProof = {
    format: 'keyhole-export-proof/1',
    key: toText(key.publicKey),
    version: keyholeVersion(),
    camera,
    madeAt: Math.round(args.now),
    from,
    to,
    part: args.part ?? { number: 1, of: 1 },
    media,
    segments: segments.map(({ entry }, i) => ({ ...entry, link: links[i] ?? null })),
    chain,
    gaps: gaps.slice(0, MAX_GAPS).map(shortGap),
  };
  yield proofBox(proof, (message) => key.sign(message));
}

interface LinksOfClip {
  /** Numbers of the segments' links. */
  readonly links: readonly (number | null)[];
  readonly chain: ExportProof['chain'];
  readonly changed: readonly Span[];
}

/** The links of these segments, and those between them, in runs. */
async function linksOf(dataDir: string, camera: CameraId, segments: readonly WitnessedSegment[]): Promise<LinksOfClip> {
  const files = await chainFiles(chainFolder(dataDir, camera));
  const index = new ChainIndex();
  for (const file of files)
    for await (const { link } of recordsOf(file)) {
      if (link?.kind === 'segment') index.segment(link);
      else if (link?.kind === 'removed') index.removed(link);
    }
  const reader = new LinkReader(files);
  const links: (number | null)[] = [];
  const changed: Span[] = [];
  for (const { segment, content } of segments) {
    const seq = index.find(segment.start);
    const link = seq === null ? null : (await reader.at(seq))?.link;
    links.push(link?.kind === 'segment' ? link.seq : null);
    if (link?.kind === 'segment' && !sameBytes(link.content, content)) changed.push({ from: segment.start, to: segment.end });
  }
  const numbers = [...new Set(links.filter((seq) => seq !== null))].sort((a, b) => a - b);
  const chain: ExportProof['chain'] = [];
  for (const [first, last] of runsOf(numbers)) {
    const records: Uint8Array[] = [];
    for (let seq = first; seq <= last; seq++) {
      const found = await reader.at(seq);
      if (found) records.push(found.record.slice());
    }
    if (records.length === last - first + 1)
      chain.push({ first, links: Buffer.concat(records, records.length * LINK_BYTES).toString('base64') });
  }
  return { links, chain, changed };
}

/** Bridges between numbers while there is room: the narrow ones first. */
function runsOf(numbers: readonly number[]): [number, number][] {
  const holes = numbers.slice(1).map((seq, i) => seq - (numbers[i] ?? 0) - 1);
  let room = MAX_LINKS - numbers.length;
  const bridged = new Set<number>();
  for (const i of holes.map((_, hole) => hole).sort((a, b) => (holes[a] ?? 0) - (holes[b] ?? 0))) {
    room -= holes[i] ?? 0;
    if (room < 0) break;
    bridged.add(i);
  }
  const runs: [number, number][] = [];
  for (const [i, seq] of numbers.entries()) {
    const run = runs.at(-1);
    if (run && bridged.has(i - 1)) run[1] = seq;
    else runs.push([seq, seq]);
  }
  return runs;
}

function shortGap({ from, to, reason, text }: Gap): ExportProof['gaps'][number] {
  return { from, to, reason, text: text.slice(0, 1_000) };
}
