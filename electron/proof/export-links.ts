import { fromText, type ExportedSegment, type ExportProof } from './export-format.ts';
import type { AddFinding } from './group-matcher.ts';
import { LINK_BYTES, linkHash, readLink, sameBytes, signatureHolds, type Link, type SegmentLink } from './link.ts';
import { segmentHash } from '../segment/content-hash.ts';

/** Footage may be so far apart and still follow each other, milliseconds. */
const TOLERANCE_MS = 500;

interface ChainPart {
  readonly links: ReadonlyMap<number, Link>;
}

/** Whether the links that came along are a chain, and the segments are what their links say. */
export function checkLinks(proof: ExportProof, add: AddFinding): void {
  const { links } = readRuns(proof, add);
  const used = new Set(proof.segments.map(({ link }) => link));
  for (const segment of proof.segments) {
    if (segment.link === null) continue;
    const link = links.get(segment.link);
    const span = { from: segment.start, to: segment.end };
    if (link?.kind !== 'segment') add('not-as-recorded', 'The link of this time did not come along.', span);
    else if (!fits(link, segment)) add('not-as-recorded', 'What was exported of this time is not what had been recorded.', span);
  }
  for (const link of links.values())
    if (link.kind === 'segment' && !used.has(link.seq) && isLeftOut(link, proof, links))
      add('left-out', 'A recording of this time is not in the file.', { from: link.start, to: link.end });
}

function fits(link: SegmentLink, { start, end, origin, header, groups }: ExportedSegment): boolean {
  const hashes = groups.map((group) => fromText(typeof group === 'string' ? group : group.hash));
  return (
    link.start === start && link.end === end && link.origin === origin && sameBytes(link.content, segmentHash(fromText(header), hashes))
  );
}

function readRuns({ chain, camera, key, segments }: ExportProof, add: AddFinding): ChainPart {
  const links = new Map<number, Link>();
  const used = new Set(segments.map(({ link }) => link));
  const publicKey = fromText(key);
  let broken = 0;
  let unsigned = 0;
  for (const run of chain) {
    const bytes = Buffer.from(run.links, 'base64');
    let prev: Uint8Array | null = null;
    for (let at = 0; at + LINK_BYTES <= bytes.length; at += LINK_BYTES) {
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
  return { links };
}

/** A segment of the asked time that is neither in the file, nor gone by what the chain or the proof says, nor taken the place of. */
function isLeftOut(link: SegmentLink, { from, to, gaps, segments }: ExportProof, links: ReadonlyMap<number, Link>): boolean {
  const begin = Math.max(link.start, from);
  const end = Math.min(link.end, to);
  if (end - begin <= TOLERANCE_MS) return false;
  for (const other of links.values()) {
    if (other.seq <= link.seq) continue;
    if (other.kind === 'segment' && other.start === link.start) return false;
    if (other.kind === 'removed' && other.first <= link.start && link.start <= other.last) return false;
  }
  let reached = begin;
  for (const span of [...gaps, ...segments.map(({ start, end: until }) => ({ from: start, to: until }))].sort((a, b) => a.from - b.from)) {
    if (span.from > reached + TOLERANCE_MS) break;
    reached = Math.max(reached, span.to);
  }
  return reached < end - TOLERANCE_MS;
}
