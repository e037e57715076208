import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdentity, fingerprintOf } from '../../peer/identity.ts';
import { utcMs } from '../base/units.ts';
import { boxesIn, readU32, u32 } from '../media/fmp4/boxes.ts';
import { setBaseDecodeTime } from '../media/fmp4/fragment.ts';
import { Playback } from '../playback/playback.ts';
import { BEGIN, ProvenFootage } from '../../test/fixtures/proven-footage.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { provenClip, type ProvenClipArgs } from './export-clip.ts';
import { exportSchema, proofBox, readProofBox, toText, type ExportProof } from './export-format.ts';
import { MediaReader } from './export-file.ts';
import { checkLinks } from './export-links.ts';
import { GroupMatcher } from './group-matcher.ts';
import { LINK_BYTES, linkHash, NO_LINK, signLink, type LinkContent } from './link.ts';
import { verifyExport } from './verify-export.ts';

let world: ProvenFootage;
let playback: Playback;
/** From 3 s to 47 s, of segments of ten seconds: the first and the last only in part, with a hole from 30 s to 33 s. */
let whole: Buffer;

const file = () => join(world.dataDir, 'export.mp4');

async function exported(args: Partial<ProvenClipArgs> = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const { dataDir, identity, camera } = world;
  const range = { from: utcMs(BEGIN + 3_000), to: utcMs(BEGIN + 47_500) };
  const named = { id: camera.id, name: camera.name, fingerprint: null };
  for await (const piece of provenClip({ playback, dataDir, camera: named, key: identity, now: BEGIN + 60_000, ...range, ...args }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

async function verified(bytes: Uint8Array, expected: string | null = null) {
  writeFileSync(file(), bytes);
  return verifyExport(file(), { expected });
}
const kinds = async (bytes: Uint8Array) => [...new Set((await verified(bytes)).findings.map(({ kind }) => kind))];

/** The file's boxes; groups are found by their keyframes, which are larger than nothing else here: by every 50th fragment. */
const boxes = (bytes: Uint8Array) => [...boxesIn(bytes)].map(({ type, start, end }) => ({ type, bytes: bytes.subarray(start, end) }));
const proofOf = (bytes: Uint8Array): ExportProof => {
  const { proof } = readProofBox(boxes(bytes).at(-1)?.bytes ?? new Uint8Array());
  if (!proof) throw new Error('no proof');
  return proof;
};
const media = (bytes: Buffer) => bytes.subarray(0, proofOf(bytes).media.bytes);

beforeAll(async () => {
  world = new ProvenFootage();
  await world.open();
  await world.record(0, 30_000);
  await world.clock.advance(3_000);
  await world.record(33_000, 27_000);
  playback = new Playback({ storage: world.storage, folders: world.folders, clock: world.clock, unlisted: () => [] });
  whole = await exported();
});
afterAll(async () => {
  await world.close();
  world.remove();
});

describe('an export that nobody touched', () => {
  it('is whole, and says of what camera, time and app it is, and why time is missing', async () => {
    const report = await verified(whole, fingerprintOf(world.identity.publicKey));
    expect(report.findings).toEqual([]);
    expect(report.fingerprint).toBe(fingerprintOf(world.identity.publicKey));
    expect(report.proof).toMatchObject({
      camera: { id: world.camera.id, name: 'Yard' },
      from: BEGIN + 3_000,
      to: BEGIN + 47_500,
      gaps: [{ from: BEGIN + 30_000, to: BEGIN + 33_000, reason: 'app-not-running' }],
    });
    // From the keyframe before the asked time on; the last group ends in the middle, at the asked time.
    expect(report.spans[0]?.from).toBe(BEGIN + 2_000);
    expect(report.spans.map(({ from, to }) => to - from).reduce((sum, ms) => sum + ms)).toBeGreaterThan(40_000);
    expect(report.unsealed).toEqual([]);
  });

  it('is an ordinary MP4 with one more box, which players pass over', () => {
    expect(boxes(whole).at(-1)?.type).toBe('uuid');
    expect(
      boxes(whole)
        .slice(0, 4)
        .map(({ type }) => type),
    ).toEqual(['ftyp', 'moov', 'moof', 'mdat']);
  });

  it('of footage that is not sealed yet says so', async () => {
    const report = await verified(await exported({ dataDir: join(world.dataDir, 'nowhere') }));
    expect(report.findings).toEqual([]);
    expect(report.unsealed).toEqual(report.spans);
  });
});

describe('an export that was tampered with', () => {
  it('is found out whichever byte is changed', async () => {
    const random = seededRandom(3);
    const positions = Array.from({ length: 300 }, () => Math.floor(random() * whole.length));
    for (const position of [...positions, 0, 5, 40, whole.length - 1]) {
      const bad = Buffer.from(whole);
      bad[position] = (bad[position] ?? 0) ^ (1 << Math.floor(random() * 8));
      expect((await verified(bad)).findings.length, `byte ${position}`).toBeGreaterThan(0);
    }
  }, 120_000);

  it('names the second that was changed', async () => {
    const bad = Buffer.from(whole);
    // The picture 20 s behind the beginning of the clip, which begins at 2 s.
    const list = boxes(bad);
    const picture = list.filter(({ type }) => type === 'mdat')[20 * 25 + 10];
    if (picture) picture.bytes[50] = (picture.bytes[50] ?? 0) ^ 1;
    const { findings } = await verified(bad);
    expect(findings).toEqual([{ kind: 'changed', from: BEGIN + 22_000, to: BEGIN + 24_000, text: expect.any(String) as string }]);
  });

  it('shows what was cut out, doubled, put in and put behind', async () => {
    const list = boxes(whole);
    // ftyp, moov, then two boxes a picture: pictures 100 to 149 are one group, 6 s to 8 s.
    const at = 2 + 200;
    const join2 = (...parts: { bytes: Uint8Array }[][]) => Buffer.concat(parts.flat().map(({ bytes }) => bytes));
    const cut = await verified(join2(list.slice(0, at), list.slice(at + 100)));
    expect(cut.findings).toEqual([{ kind: 'missing', from: BEGIN + 6_000, to: BEGIN + 8_000, text: expect.any(String) as string }]);
    expect(await kinds(join2(list.slice(0, at), list.slice(at + 2)))).toEqual(expect.arrayContaining(['changed']));
    const doubled = join2(list.slice(0, at + 100), list.slice(at, at + 100), list.slice(at + 100));
    expect(await kinds(doubled)).toEqual(['added']);
    const swapped = join2(list.slice(0, at), list.slice(at + 100, at + 200), list.slice(at, at + 100), list.slice(at + 200));
    expect(await kinds(swapped)).toEqual(['reordered']);
    const free = { bytes: Buffer.concat([u32(16), Buffer.from('free'), Buffer.alloc(8)]) };
    expect(await kinds(join2(list.slice(0, at), [free], list.slice(at)))).toEqual(['added']);
    expect(await kinds(Buffer.concat([whole, Buffer.from('more')]))).toEqual(['added']);
    expect(await kinds(join2(list.slice(0, -1)))).toEqual(['no-proof']);
    expect(await kinds(Buffer.from('nothing at all'))).toEqual(['no-proof']);
    expect(await kinds(Buffer.alloc(0))).toEqual(['no-proof']);
  });

  it('shows times that were changed', async () => {
    const bad = Buffer.from(whole);
    const moofs = boxes(bad).filter(({ type }) => type === 'moof');
    // A picture in the middle of a group, and one that begins a group.
    setBaseDecodeTime(moofs[120]?.bytes ?? bad, 7);
    expect(await kinds(bad)).toEqual(['changed']);
    setBaseDecodeTime(moofs[150]?.bytes ?? bad, 7);
    expect(await kinds(bad)).toEqual(expect.arrayContaining(['added', 'missing']));
  });

  it('shows a proof that was signed anew by another app, or not signed at all', async () => {
    const other = createIdentity(Buffer.alloc(32, 9));
    const proof = { ...proofOf(whole), key: toText(other.publicKey), madeAt: 1 };
    const forged = Buffer.concat([media(whole), proofBox(proof, (message) => other.sign(message))]);
    expect(await kinds(forged)).toEqual(['not-as-recorded']);
    expect((await verified(forged, fingerprintOf(world.identity.publicKey))).findings[0]?.kind).toBe('other-app');
    const unsigned = Buffer.concat([media(whole), proofBox({ ...proofOf(whole), madeAt: 1 }, () => Buffer.alloc(64))]);
    expect(await kinds(unsigned)).toEqual(['bad-signature']);
  });

  describe('by who has the app’s key and not its chain', () => {
    const resigned = (change: (proof: ExportProof) => ExportProof) =>
      Buffer.concat([media(whole), proofBox(change(proofOf(whole)), (message) => world.identity.sign(message))]);

    it('does not fit the links: another time, another picture, a link of something else', async () => {
      const moved = resigned((proof) => ({
        ...proof,
        segments: proof.segments.map((segment) => ({ ...segment, start: segment.start + 1 })),
      }));
      expect(await kinds(moved)).toEqual(['not-as-recorded']);
      const unlinked = resigned((proof) => ({ ...proof, chain: [] }));
      expect(await kinds(unlinked)).toEqual(['not-as-recorded']);
      const [first] = proofOf(whole).segments;
      const mixed = resigned((proof) => ({
        ...proof,
        segments: proof.segments.map((segment) => ({ ...segment, link: first?.link ?? 0 })),
      }));
      expect(await kinds(mixed)).toContain('not-as-recorded');
    });

    it('shows a segment that was left out of file and proof', async () => {
      const proof = proofOf(whole);
      const second = proof.segments[1];
      const without = { ...proof, segments: proof.segments.filter((segment) => segment !== second) };
      // Its groups are cut out of the file as well: segment 2 are pictures 200 to 449.
      const list = boxes(media(whole));
      const kept = Buffer.concat([...list.slice(0, 2 + 400), ...list.slice(2 + 900)].map(({ bytes }) => bytes));
      const forged = Buffer.concat([
        kept,
        proofBox({ ...without, media: { ...proof.media, bytes: kept.length } }, (m) => world.identity.sign(m)),
      ]);
      expect((await verified(forged)).findings).toContainEqual(
        expect.objectContaining({ kind: 'left-out', from: BEGIN + 10_000, to: BEGIN + 20_000 }),
      );
    });
  });
});

it('a recording that was changed on the disk before it was exported is found in the export', async () => {
  const path = world.file(10_000);
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad[good.length >> 1] = (bad[good.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bad);
  const changed: unknown[] = [];
  const report = await verified(await exported({ onChanged: (spans) => changed.push(...spans) }));
  writeFileSync(path, good);
  expect(report.findings).toEqual([
    { kind: 'not-as-recorded', from: BEGIN + 10_000, to: BEGIN + 20_000, text: expect.any(String) as string },
  ]);
  expect(changed).toEqual([{ from: BEGIN + 10_000, to: BEGIN + 20_000 }]);
});

describe('a proof', () => {
  it('is read from anything: 100,000 inputs, altered or random, are read or refused', () => {
    const random = seededRandom(1);
    const below = (limit: number) => Math.floor(random() * limit);
    const good = Buffer.from(boxes(whole).at(-1)?.bytes ?? new Uint8Array());
    const small = proofBox({ ...proofOf(whole), segments: [], chain: [], gaps: [] }, (message) => world.identity.sign(message));
    let refused = 0;
    for (let input = 0; input < 100_000; input += 1) {
      const bytes =
        random() < 0.1 ? Buffer.from(Array.from({ length: below(120) }, () => below(256))) : Buffer.from(input % 500 === 0 ? good : small);
      for (let change = below(4); change >= 0; change -= 1) if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
      const read = readProofBox(random() < 0.15 ? bytes.subarray(0, below(bytes.length + 1)) : bytes);
      if (read.proof === null || !read.signed) refused += 1;
      if (read.proof) expect(exportSchema.safeParse(read.proof).success).toBe(true);
    }
    expect(refused).toBeGreaterThan(90_000);
  }, 120_000);

  it('is a box whose length is its own', () => {
    const box = boxes(whole).at(-1)?.bytes ?? new Uint8Array();
    expect(readU32(box, 0)).toBe(box.length);
  });
});

it('a proof that would be too large to be read again is not written', () => {
  const chain = [{ first: 0, links: 'A'.repeat(64 * 1024 * 1024) }];
  const make = () => proofBox({ ...proofOf(whole), chain }, (message) => world.identity.sign(message));
  expect(make).toThrowError(expect.objectContaining({ code: 'bad-request' }) as Error);
});

describe('a file that was made to exhaust who looks at it', () => {
  it('may carry more links than an export has: so many are looked at, each once, and that there are more is told', () => {
    const count = 60_000;
    const hash = new Uint8Array(32);
    const records = new Uint8Array(count * LINK_BYTES);
    let prev = NO_LINK;
    for (let seq = 0; seq < count; seq++) {
      const at = BEGIN + seq * 1_000;
      const content: LinkContent = {
        kind: 'segment',
        origin: 'live',
        start: at,
        end: at + 1_000,
        bytes: 1,
        hash,
        content: hash,
        found: false,
        replaces: false,
      };
      const sign = (message: Uint8Array) => (seq === count - 1 ? world.identity.sign(message) : new Uint8Array(64));
      const record = signLink(world.camera.id, { seq, at, prev }, content, sign);
      records.set(record, seq * LINK_BYTES);
      prev = linkHash(world.camera.id, record);
    }
    const to = BEGIN + count * 1_000;
    // None explains anything: they lie behind the asked range.
    const gaps = Array.from({ length: 20_000 }, (_, i) => ({ from: to + i * 1_000, to: to + i * 1_000 + 1, reason: 'x', text: '' }));
    const chain = [{ first: 0, links: Buffer.from(records).toString('base64') }];
    const found: string[] = [];
    checkLinks({ ...proofOf(whole), segments: [], gaps, chain, from: BEGIN, to }, (kind) => found.push(kind));
    expect(found.filter((kind) => kind === 'left-out')).toHaveLength(40_000);
    expect(found.filter((kind) => kind !== 'left-out')).toEqual(['not-as-recorded']);
  });

  it('may have a group of pictures that never ends: nothing of it is held', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    writeFileSync(file(), whole);
    const matcher = new GroupMatcher(proofOf(whole).segments, () => {});
    const taken: WeakRef<Uint8Array>[] = [];
    for await (const part of new MediaReader(file(), proofOf(whole).media.bytes).parts()) {
      matcher.take(part);
      if (part.kind === 'fragment') taken.push(new WeakRef(part.mdat));
      if (taken.length === 4) break;
    }
    await setImmediate();
    collect();
    expect(taken.slice(0, 3).map((part) => part.deref())).toEqual([undefined, undefined, undefined]);
  });
});
