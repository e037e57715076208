import { createHash } from 'node:crypto';
import { verifySignature } from '../../peer/identity.ts';
import type { CameraId } from '../contract/model.ts';
import type { RemovalCause } from '../segment/proofs.ts';
import type { SegmentOrigin } from '../segment/segment.ts';

/** Bytes of a link in its file: what is signed, and the signature. */
const BODY_BYTES = 144;
export const LINK_BYTES = BODY_BYTES + 64;

const MAGIC = 0x4b50;
const DOMAIN = 'keyhole proof link v1\0';
const NOTHING: Uint8Array = new Uint8Array(32);

/** Order is part of the format. */
const ORIGINS: readonly SegmentOrigin[] = ['live', 'healed', 'sub'];
const CAUSES: readonly RemovalCause[] = ['retention', 'person', 'replaced', 'lost'];
const KINDS = ['begun', 'segment', 'removed', 'opened', 'closed', 'mismatch', 'identity', 'summary'] as const;
const FOUND = 1;
const REPLACES = 2;

/** What every link says: its place in the camera's chain, and when it was made by the app's clock (which may have been set back). */
interface Place {
  readonly seq: number;
  /** UTC milliseconds. */
  readonly at: number;
  /** Hash of the link before; zeros in the first. */
  readonly prev: Uint8Array;
}

/** What a link is about. Times are UTC milliseconds. */
export type LinkContent =
  /** The first: footage from `since` on is in this chain. */
  | { readonly kind: 'begun'; readonly since: number; readonly key: Uint8Array }
  /** A finished file. `hash`: SHA-256 of it; `content`: of what it shows (segment/content-hash.ts). */
  | {
      readonly kind: 'segment';
      readonly origin: SegmentOrigin;
      readonly start: number;
      readonly end: number;
      readonly bytes: number;
      readonly hash: Uint8Array;
      readonly content: Uint8Array;
      /** Found at a start of the app, after a crash: sealed later than it was written. */
      readonly found: boolean;
      /** Another link of the same start does not count any more: its file's torn end was cut off. */
      readonly replaces: boolean;
    }
  /** All segments that begin in [first, last] and had a link by then are gone; `count` of them were still listed. */
  | { readonly kind: 'removed'; readonly first: number; readonly last: number; readonly count: number; readonly why: RemovalCause }
  /** The app opened or closed this chain. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'closed' }
  /** The app knew a link that this chain does not have: somebody took its end away, or another one's place. */
  | { readonly kind: 'mismatch'; readonly knownSeq: number; readonly known: Uint8Array }
  /** The app has another key from here on. */
  | { readonly kind: 'identity'; readonly key: Uint8Array; readonly before: Uint8Array }
  /** In place of links [first, seq] whose segments are all gone. `last`: hash of the last of them, which the next link names. */
  | {
      readonly kind: 'summary';
      readonly first: number;
      readonly since: number;
      readonly segments: number;
      readonly mismatches: number;
      readonly last: Uint8Array;
      readonly key: Uint8Array;
    };

export type Link = Place & LinkContent & { readonly signature: Uint8Array };
export type SegmentLink = Extract<Link, { kind: 'segment' }>;

/** The 32 bytes that the next link names and that are signed: over the camera's id and everything the link says. */
export function linkHash(camera: CameraId, record: Uint8Array): Uint8Array {
  return createHash('sha256').update(`${DOMAIN}${camera}\0`).update(record.subarray(0, BODY_BYTES)).digest();
}

/** What the next link must name as the one before it. */
export function nextPrev(camera: CameraId, record: Uint8Array, link: Link): Uint8Array {
  return link.kind === 'summary' ? link.last : linkHash(camera, record);
}

export function signLink(camera: CameraId, place: Place, content: LinkContent, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
  const record = writeLink(place, content);
  record.set(sign(signedBytes(camera, record)), BODY_BYTES);
  return record;
}

export function signatureHolds(camera: CameraId, record: Uint8Array, publicKey: Uint8Array): boolean {
  return verifySignature(publicKey, signedBytes(camera, record), record.subarray(BODY_BYTES, LINK_BYTES));
}

/** Never what another protocol of the same key signs. */
function signedBytes(camera: CameraId, record: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(DOMAIN), linkHash(camera, record)]);
}

function writeLink(place: Place, content: LinkContent): Uint8Array {
  const record = Buffer.alloc(LINK_BYTES);
  const put = (detail: number, flags: number, count: number, times: readonly number[], hashes: readonly Uint8Array[]) => {
    record.writeUInt16BE(MAGIC, 0);
    record.writeUInt8(KINDS.indexOf(content.kind), 2);
    record.writeUInt8(detail * 16 + flags, 3);
    record.writeUInt32BE(count, 4);
    for (const [i, value] of [place.seq, place.at, ...times].entries()) record.writeBigUInt64BE(BigInt(Math.round(value)), 8 + 8 * i);
    for (const [i, hash] of [place.prev, ...hashes].entries()) record.set(hash, 48 + 32 * i);
  };
  switch (content.kind) {
    case 'begun':
      put(0, 0, 0, [content.since], [content.key]);
      break;
    case 'segment': {
      const { origin, start, end, bytes, hash, content: shown, found, replaces } = content;
      put(ORIGINS.indexOf(origin), (found ? FOUND : 0) | (replaces ? REPLACES : 0), 0, [start, end, bytes], [hash, shown]);
      break;
    }
    case 'removed':
      put(CAUSES.indexOf(content.why), 0, content.count, [content.first, content.last], []);
      break;
    case 'mismatch':
      put(0, 0, 0, [content.knownSeq], [content.known]);
      break;
    case 'identity':
      put(0, 0, 0, [], [content.key, content.before]);
      break;
    case 'summary':
      put(0, 0, content.mismatches, [content.first, content.since, content.segments], [content.last, content.key]);
      break;
    default:
      put(0, 0, 0, [], []);
  }
  return record;
}

/** Null for bytes that no app wrote. Says nothing of the signature. */
export function readLink(bytes: Uint8Array): Link | null {
  if (bytes.length !== LINK_BYTES) return null;
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = KINDS[record.readUInt8(2)];
  if (record.readUInt16BE(0) !== MAGIC || kind === undefined) return null;
  const numberAt = (offset: number) => record.readUInt32BE(offset) * 2 ** 32 + record.readUInt32BE(offset + 4);
  const [seq, at, a, b, c] = [numberAt(8), numberAt(16), numberAt(24), numberAt(32), numberAt(40)];
  if (Math.max(seq, at, a, b, c) > Number.MAX_SAFE_INTEGER) return null;
  const detail = record.readUInt8(3) >> 4;
  const flags = record.readUInt8(3) & 15;
  const count = record.readUInt32BE(4);
  const hashAt = (i: number) => new Uint8Array(record.subarray(48 + 32 * i, 80 + 32 * i));
  const content = contentOf(kind, { detail, flags, count, a, b, c, one: hashAt(1), two: hashAt(2) });
  if (!content) return null;
  const link = { seq, at, prev: hashAt(0), ...content, signature: new Uint8Array(record.subarray(BODY_BYTES)) };
  // What a kind does not use is zero: there is one way to write a link. Nearly all are of this kind, which uses all but the count.
  if (kind === 'segment') return count === 0 ? link : null;
  return sameBytes(writeLink(link, content).subarray(0, BODY_BYTES), record.subarray(0, BODY_BYTES)) ? link : null;
}

interface Fields {
  readonly detail: number;
  readonly flags: number;
  readonly count: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly one: Uint8Array;
  readonly two: Uint8Array;
}

function contentOf(kind: (typeof KINDS)[number], { detail, flags, count, a, b, c, one, two }: Fields): LinkContent | null {
  switch (kind) {
    case 'begun':
      return { kind, since: a, key: one };
    case 'segment': {
      const origin = ORIGINS[detail];
      if (!origin || flags > (FOUND | REPLACES)) return null;
      const found = (flags & FOUND) !== 0;
      return { kind, origin, start: a, end: b, bytes: c, hash: one, content: two, found, replaces: (flags & REPLACES) !== 0 };
    }
    case 'removed': {
      const why = CAUSES[detail];
      return why ? { kind, first: a, last: b, count, why } : null;
    }
    case 'mismatch':
      return { kind, knownSeq: a, known: one };
    case 'identity':
      return { kind, key: one, before: two };
    case 'summary':
      return { kind, first: a, since: b, segments: c, mismatches: count, last: one, key: two };
    default:
      return { kind };
  }
}

export const NO_LINK = NOTHING;
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
