import { expect, it } from 'vitest';
import { createIdentity } from '../../peer/identity.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { LINK_BYTES, linkHash, readLink, signatureHolds, signLink, type LinkContent } from './link.ts';

const identity = createIdentity(Buffer.alloc(32, 5));
const some = (value: number) => new Uint8Array(32).fill(value);
const place = { seq: 7, at: 1_795_420_800_123, prev: some(1) };
const CONTENTS: readonly LinkContent[] = [
  { kind: 'begun', since: 5, key: new Uint8Array(identity.publicKey) },
  {
    kind: 'segment',
    origin: 'healed',
    start: 1_795_420_800_000,
    end: 1_795_420_860_000,
    bytes: 9_000_000_000,
    hash: some(2),
    content: some(3),
    found: true,
    replaces: false,
  },
  { kind: 'removed', first: 1, last: 2, count: 1_000_000, why: 'person' },
  { kind: 'opened' },
  { kind: 'closed' },
  { kind: 'mismatch', knownSeq: 9, known: some(4) },
  { kind: 'identity', key: some(5), before: some(6) },
  { kind: 'summary', first: 0, since: 3, segments: 5_000_000, mismatches: 1, last: some(7), key: some(8) },
];
const records = CONTENTS.map((content) => signLink('cam-aaaaaaaa', place, content, (message) => identity.sign(message)));

it('a link of every kind comes back as it was written, in 208 bytes, signed for its camera', () => {
  for (const [i, record] of records.entries()) {
    expect(record).toHaveLength(LINK_BYTES);
    const { signature, ...link } = readLink(record) ?? {};
    expect(link).toEqual({ ...place, ...CONTENTS[i] });
    expect(signature).toHaveLength(64);
    expect(signatureHolds('cam-aaaaaaaa', record, identity.publicKey)).toBe(true);
    expect(signatureHolds('cam-bbbbbbbb', record, identity.publicKey)).toBe(false);
    expect(linkHash('cam-aaaaaaaa', record)).not.toEqual(linkHash('cam-bbbbbbbb', record));
  }
});

it('any bytes may be in its place: 100,000 inputs are read or refused, and what is read has one way to be written', () => {
  const random = seededRandom(1);
  const below = (limit: number) => Math.floor(random() * limit);
  let refused = 0;
  for (let input = 0; input < 100_000; input += 1) {
    const bytes =
      random() < 0.1
        ? Buffer.from(Array.from({ length: LINK_BYTES }, () => below(256)))
        : Buffer.from(records[below(records.length)] ?? []);
    for (let change = below(4); change >= 0; change -= 1) bytes[below(random() < 0.5 ? 8 : LINK_BYTES)] = below(256);
    const link = readLink(random() < 0.1 ? bytes.subarray(0, below(LINK_BYTES)) : bytes);
    if (!link) refused += 1;
    else expect(signLink('cam-aaaaaaaa', link, link, () => link.signature)).toEqual(Buffer.from(bytes));
  }
  expect(refused).toBeGreaterThan(10_000);
});
