import { ChainIndex } from './chain-index.ts';
import { fromText, type ExportedSegment, type ExportProof } from './export-format.ts';
import type { AddFinding } from './group-matcher.ts';
import { LINK_BYTES, linkHash, readLink, sameBytes, signatureHolds, type Link, type SegmentLink } from './link.ts';
import { segmentHash } from '../segment/content-hash.ts';

/** Footage may be so far apart and still follow each other, milliseconds. */
const TOLERANCE_MS = 500;

/** Twice as many as an export carries along. */
const MAX_LINKS = 40_000;

interface Times {
  readonly from: number;
  readonly to: number;
}

/**
 * Whether the links that came along are a chain, and the segments are what their links say. Returns the times of those that were sealed later than they
 * were written: the app found them at a start.
 */
export function checkLinks(proof: ExportProof, add: AddFinding): readonly Times[] {
  const links = readRuns(proof, add);
  const used = new Set(proof.segments.map(({ link }) => link));
  const sealedLater: Times[] = [];
  for (const segment of proof.segments) {
    if (segment.link === null) continue;
    const link = links.get(segment.link);
    const span = { from: segment.start, to: segment.end };
    if (link?.kind !== 'segment') add('not-as-recorded', 'The link of this time did not come along.', span);
    else if (link.found) sealedLater.push(span);
    if (link?.kind === 'segment' && !fits(link, segment))
      add('not-as-recorded', 'What was exported of this time is not what had been recorded.', span);
  }
  const index = indexOf(links);
  const explained = merged([...proof.gaps, ...proof.segments.map(({ start, end }) => ({ from: start, to: end }))]);
  for (const link of links.values())
    if (link.kind === 'segment' && !used.has(link.seq) && index.find(link.start) === link.seq && isLeftOut(link, proof, explained))
      add('left-out', 'A recording of this time is not in the file.', { from: link.start, to: link.end });
  return merged(sealedLater);
}

/** Segments that were removed or taken the place of by a later link are not owed. */
function indexOf(links: ReadonlyMap<number, Link>): ChainIndex {
  const index = new ChainIndex();
  for (const link of [...links.values()].sort((a, b) => a.seq - b.seq))
    if (link.kind === 'segment') index.segment(link);
    else if (link.kind === 'removed') index.removed(link);
  return index;
}

/** Spans that follow each other are one. */
function merged(spans: Times[]): Times[] {
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of spans.sort((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && from <= last.to + TOLERANCE_MS) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}

function fits(link: SegmentLink, { start, end, origin, header, groups }: ExportedSegment): boolean {
  const hashes = groups.map((group) => fromText(typeof group === 'string' ? group : group.hash));
  return (
    link.start === start && link.end === end && link.origin === origin && sameBytes(link.content, segmentHash(fromText(header), hashes))
  );
}

function readRuns({ chain, camera, key, segments }: ExportProof, add: AddFinding): ReadonlyMap<number, Link> {
  const links = new Map<number, Link>();
  const used = new Set(segments.map(({ link }) => link));
  const publicKey = fromText(key);
  let broken = 0;
  let unsigned = 0;
  for (const run of chain) {
    const bytes = Buffer.from(run.links, 'base64');
    let prev: Uint8Array | null = null;
    for (let at = 0; at + LINK_BYTES <= bytes.length; at += LINK_BYTES) {
      if (links.size >= MAX_LINKS) {
        broken += 1;
        break;
      }
      const record = bytes.subarray(at, at + LINK_BYTES);
      const link = readLink(record);
      if (!link || link.seq !== run.first + at / LINK_BYTES || (prev && !sameBytes(prev, link.prev))) {
        broken += 1;
        break;
      }
      links.set(link.seq, link);
      prev = linkHash(camera.id, record);
      // The last one of a run speaks for all before it.
      const last = at + 2 * LINK_BYTES > bytes.length;
      if ((used.has(link.seq) || last) && !signatureHolds(camera.id, record, publicKey)) unsigned += 1;
    }
  }
  if (broken > 0) add('not-as-recorded', `${broken} part(s) of the chain in the proof do not hold together.`);
  if (unsigned > 0) add('not-as-recorded', `${unsigned} link(s) in the proof are not signed by this app.`);
  return links;
}

/** A segment of the asked time that is not in the file, and of which the proof does not say why. */
function isLeftOut({ start, end: until }: SegmentLink, { from, to }: ExportProof, explained: readonly Times[]): boolean {
  const begin = Math.max(start, from);
  const end = Math.min(until, to);
  if (end - begin <= TOLERANCE_MS) return false;
  const before = explained[lastFrom(explained, begin + TOLERANCE_MS)];
  return !before || before.to < end - TOLERANCE_MS;
}

/** Of the last that begins by then; -1 where none does. */
function lastFrom(spans: readonly Times[], at: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.from ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
