import { appendFileSync, copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { repairIndex } from '../recording/repair.ts';
import { silentLog } from '../base/log.ts';
import { createIdentity } from '../../peer/identity.ts';
import { BEGIN, ProvenFootage } from '../../test/fixtures/proven-footage.ts';
import { Playback } from '../playback/playback.ts';
import { chainText, exportText } from '../../cli/verify-text.ts';
import { chainFiles, recordsOf } from './chain-files.ts';
import { provenClip } from './export-clip.ts';
import { verifyExport } from './verify-export.ts';
import { LINK_BYTES, nextPrev, readLink, signLink, type Link, type LinkContent } from './link.ts';
import { StorageFolders } from '../recording/folders.ts';

let world: ProvenFootage;
const MONTH_MS = 31 * 86_400_000;

beforeEach(async () => {
  world = new ProvenFootage();
  await world.open();
});
afterEach(async () => {
  await world.close();
  world.remove();
});

async function links(): Promise<Link[]> {
  const all: Link[] = [];
  for (const file of await chainFiles(world.chainFolder)) for await (const { link } of recordsOf(file)) if (link) all.push(link);
  return all;
}
const kinds = async () => (await links()).map(({ kind }) => kind);
const newest = () => join(world.chainFolder, readdirSync(world.chainFolder).sort().at(-1) ?? '');
const removeAll = async (ms: readonly number[]) => {
  await world.remover.remove({ camera: world.camera.key, starts: ms.map((at) => utcMs(BEGIN + at)), why: 'retention', because: null });
  for (const at of ms) rmSync(world.file(at), { force: true });
};
const repair = () =>
  repairIndex({
    storage: world.storage,
    register: world.register,
    folders: new StorageFolders(world.dataDir),
    log: silentLog,
    all: true,
  } as Parameters<typeof repairIndex>[0]);

/** What an export of the first twenty seconds says of itself. */
async function exportedReport() {
  const { storage, folders, clock, dataDir, camera, identity } = world;
  const playback = new Playback({ storage, folders, clock, unlisted: () => [] });
  const named = { id: camera.id, name: camera.name, fingerprint: null };
  const args = { playback, dataDir, camera: named, key: identity, now: clock.now(), from: utcMs(BEGIN), to: utcMs(BEGIN + 20_000) };
  const pieces: Uint8Array[] = [];
  for await (const piece of provenClip(args)) pieces.push(piece);
  writeFileSync(join(dataDir, 'export.mp4'), Buffer.concat(pieces));
  return verifyExport(join(dataDir, 'export.mp4'));
}

describe('a segment', () => {
  it('has its link on the disk before its row is there', async () => {
    const seen: number[] = [];
    const call = world.storage.call.bind(world.storage);
    world.storage.call = ((name: string, args: never) => {
      if (name === 'insertSegment') seen.push(statSync(newest()).size / LINK_BYTES);
      return call(name as never, args);
    }) as typeof call;
    await world.record(0, 20_000);
    expect(seen).toEqual([3, 4]);
  });

  it('gets one link, though the database takes its row at the second time only', async () => {
    const call = world.storage.call.bind(world.storage);
    let refused = 0;
    world.storage.call = ((name: string, args: never) =>
      name === 'insertSegment' && refused++ === 0 ? Promise.reject(new Error('busy')) : call(name as never, args)) as typeof call;
    await world.record(0, 10_000);
    expect(refused).toBe(2);
    expect((await kinds()).filter((kind) => kind === 'segment')).toHaveLength(1);
    expect((await world.verify()).findings).toEqual([]);
  });

  it('that a crash left without a link gets one that says so', async () => {
    await world.record(0, 20_000);
    copyFileSync(world.file(10_000), `${world.file(10_000)}.kept`);
    await world.kill();
    truncateSync(newest(), 3 * LINK_BYTES);
    rmSync(join(world.dataDir, 'keyhole.db'));
    rmSync(join(world.dataDir, 'keyhole.db-wal'), { force: true });
    rmSync(join(world.dataDir, 'cameras-backup.json'), { force: true });
    for (const name of readdirSync(world.dataDir)) if (name.startsWith('keyhole.db')) rmSync(join(world.dataDir, name));
    await world.open();
    await repair();
    const found = (await links()).filter((link) => link.kind === 'segment').map(({ start, found: late }) => ({ start, late }));
    expect(found).toEqual([
      { start: BEGIN, late: false },
      { start: BEGIN + 10_000, late: true },
    ]);
    const report = await world.verify();
    expect(report).toMatchObject({ good: 2, found: 1, findings: [] });
    expect(chainText('Yard', report)).toContain('1 of them were found by the app at a start');
    const exported = await exportedReport();
    expect(exported).toMatchObject({ findings: [], sealedLater: [{ from: BEGIN + 10_000, to: BEGIN + 20_000 }] });
    expect(exportText('export.mp4', exported, true)).toContain('Sealed later');
  });

  it('whose torn end was cut off gets another link in place of the first', async () => {
    await world.record(0, 20_000);
    truncateSync(world.file(10_000), statSync(world.file(10_000)).size - 5_000);
    await repair();
    const second = (await links()).at(-1);
    expect(second).toMatchObject({ kind: 'segment', start: BEGIN + 10_000, found: true, replaces: true });
    expect(await world.verify()).toMatchObject({ segments: 2, findings: [] });
  });

  it('keeps its link when the index is made anew from the files, which are not read', async () => {
    await world.record(0, 30_000);
    const before = await links();
    const bytes = world.proofs.counters.sealed;
    await world.storage.call('removeSegments', { camera: world.camera.key, from: utcMs(0), to: utcMs(BEGIN + 60_000) });
    await repair();
    expect(await links()).toEqual(before);
    expect(world.proofs.counters.sealed).toBe(bytes);
    const rows = await world.storage.call('segmentsInRange', { camera: world.camera.key, from: utcMs(BEGIN), to: utcMs(BEGIN + 60_000) });
    expect(rows.map(({ hash }) => hash)).toEqual(before.flatMap((link) => (link.kind === 'segment' ? [link.hash] : [])));
  });

  it('from before the chain began is left as it is, and said to be unproven', async () => {
    await world.record(0, 20_000);
    await world.close();
    rmSync(join(world.dataDir, 'proofs'), { recursive: true });
    await world.open();
    await world.storage.call('removeSegments', { camera: world.camera.key, from: utcMs(0), to: utcMs(BEGIN + 60_000) });
    await repair();
    expect(await world.verify()).toMatchObject({ segments: 0, unproven: 2, findings: [{ kind: 'mismatch' }] });
  });
});

describe('removals', () => {
  it('of files that were gone at a start are told by the app, with the time it noticed', async () => {
    await world.record(0, 40_000);
    for (const ms of [10_000, 20_000]) rmSync(world.file(ms));
    await repair();
    expect(await world.verify()).toMatchObject({
      segments: 2,
      findings: [],
      lost: [{ first: BEGIN + 10_000, last: BEGIN + 20_000, count: 2, at: world.clock.now() }],
    });
  });

  it('of many segments are one link, parted by what stays', async () => {
    await world.record(0, 60_000);
    await world.remover.remove({
      camera: world.camera.key,
      starts: [0, 10_000, 30_000, 40_000].map((ms) => utcMs(BEGIN + ms)),
      why: 'person',
      because: { reason: 'deleted-by-person', text: 'Somebody deleted it.' },
    });
    const removed = (await links()).filter((link) => link.kind === 'removed');
    expect(removed.map(({ first, last, count, why }) => [first - BEGIN, last - BEGIN, count, why])).toEqual([
      [0, 10_000, 2, 'person'],
      [30_000, 40_000, 2, 'person'],
    ]);
  });

  it('of a small picture that a better one took the place of leave the better one', async () => {
    await world.record(0, 20_000, 'sub');
    await world.record(5_000, 5_000, 'healed');
    await removeAll([]);
    await world.remover.remove({ camera: world.camera.key, starts: [utcMs(BEGIN), utcMs(BEGIN + 10_000)], why: 'replaced', because: null });
    for (const ms of [0, 10_000]) rmSync(world.file(ms, 'sub'));
    expect(await world.verify()).toMatchObject({ segments: 1, good: 1, findings: [] });
  });
});

describe('after a kill', () => {
  it('a torn last link is cut off, and the chain goes on', async () => {
    await world.record(0, 20_000);
    await world.kill();
    appendFileSync(newest(), readFileSync(newest()).subarray(0, 100));
    await world.open();
    await world.record(20_000, 10_000);
    expect(await world.verify()).toMatchObject({ segments: 3, findings: [] });
  });

  it('zeros in place of the last links, as a power cut leaves them, are cut off', async () => {
    await world.record(0, 20_000);
    await world.kill();
    appendFileSync(newest(), Buffer.alloc(2 * LINK_BYTES + 7));
    expect(await world.open()).toEqual([]);
    expect((await world.verify()).findings).toEqual([]);
  });

  it('links that the database knew and that are gone are said at the next start, and stay said', async () => {
    await world.record(0, 20_000);
    await world.close();
    truncateSync(newest(), 3 * LINK_BYTES);
    const notices = await world.open();
    expect(notices).toEqual([expect.stringContaining('Yard')]);
    expect((await world.verify()).findings.map(({ kind }) => kind)).toEqual(['mismatch', 'unknown-file']);
    await world.close();
    expect(await world.open()).toEqual([]);
    expect((await world.verify()).findings.map(({ kind }) => kind)).toContain('mismatch');
  });
});

it('a clock that was set back changes neither the order nor the file', async () => {
  await world.record(0, 10_000);
  world.clock.jump(-2 * MONTH_MS);
  await world.record(20_000, 10_000);
  expect(await chainFiles(world.chainFolder)).toHaveLength(1);
  expect(await world.verify()).toMatchObject({ segments: 2, findings: [] });
});

it('an app that lost its key goes on with another, and says so', async () => {
  await world.record(0, 10_000);
  await world.close();
  world.identity = createIdentity(Buffer.alloc(32, 6));
  await world.open();
  await world.record(10_000, 10_000);
  expect(await kinds()).toContain('identity');
  expect((await world.verify({ key: world.identity.publicKey })).findings).toEqual([]);
});

describe('links of another key that were put in behind the end', () => {
  /** As somebody would who can write to the folder and has not the app's key: their removal covers the files that they take away. */
  function putIn(): void {
    const other = createIdentity(Buffer.alloc(32, 9));
    const contents: LinkContent[] = [
      { kind: 'identity', key: other.publicKey, before: world.identity.publicKey },
      { kind: 'removed', first: BEGIN, last: BEGIN, count: 1, why: 'person' },
    ];
    for (const content of contents) {
      const record = new Uint8Array(readFileSync(newest()).subarray(-LINK_BYTES));
      const last = readLink(record);
      if (!last) throw new Error('no last link');
      const place = { seq: last.seq + 1, at: world.clock.now(), prev: nextPrev(world.camera.id, record, last) };
      appendFileSync(
        newest(),
        signLink(world.camera.id, place, content, (message) => other.sign(message)),
      );
    }
    rmSync(world.file(0));
  }
  const foreign = expect.objectContaining({ kind: 'foreign-signature', text: expect.stringContaining('put in') as unknown }) as unknown;

  it('are said at the next start, and found for ever, though the app signs behind them again', async () => {
    await world.record(0, 20_000);
    await world.close();
    putIn();
    expect(await world.open()).toEqual([expect.stringContaining('put in')]);
    await world.record(20_000, 10_000);
    expect((await world.verify({ key: world.identity.publicKey })).findings).toEqual([foreign]);
  });

  it('are not swept away with old months', async () => {
    await world.record(0, 10_000);
    await world.close();
    putIn();
    await world.open();
    await world.clock.advance(MONTH_MS);
    await world.record(MONTH_MS, 10_000);
    await world.proofs.compact();
    expect(await kinds()).not.toContain('summary');
    expect((await world.verify()).findings).toEqual([foreign]);
  });
});

describe('old months', () => {
  it('whose key was lost are summed up by the next one only together with the word of it', async () => {
    await world.record(0, 10_000);
    await world.clock.advance(MONTH_MS);
    await world.record(MONTH_MS, 10_000);
    await world.close();
    world.identity = createIdentity(Buffer.alloc(32, 6));
    await world.open();
    await world.clock.advance(MONTH_MS);
    await world.record(2 * MONTH_MS, 10_000);
    await removeAll([0]);
    await world.proofs.compact();
    expect((await world.verify({ key: world.identity.publicKey })).findings).toEqual([]);
    await removeAll([MONTH_MS]);
    await world.proofs.compact();
    expect((await kinds())[0]).toBe('summary');
    expect((await world.verify({ key: world.identity.publicKey })).findings).toEqual([]);
  });

  it('whose links were not signed by the app are left for the verification to find', async () => {
    await world.record(0, 20_000);
    await world.clock.advance(MONTH_MS);
    await world.record(MONTH_MS, 10_000);
    await removeAll([0, 10_000]);
    // A new past that holds together and that nobody signed: from the first recording on, the end of the old month included.
    const [file] = await chainFiles(world.chainFolder);
    if (!file) throw new Error('no old month');
    const records = readFileSync(file.path);
    let prev: Uint8Array | null = null;
    for (let at = 2 * LINK_BYTES; at < records.length; at += LINK_BYTES) {
      const record = records.subarray(at, at + LINK_BYTES);
      if (prev) record.set(prev, 48);
      else record[100] = (record[100] ?? 0) ^ 1;
      prev = nextPrev(world.camera.id, record, readLink(record) as Link);
    }
    writeFileSync(file.path, records);
    await world.proofs.compact();
    expect(await kinds()).not.toContain('summary');
    expect((await world.verify()).total).toBeGreaterThan(0);
  });

  it('whose segments are all gone become one signed link; the rest of the chain still holds', async () => {
    await world.record(0, 30_000);
    for (let month = 1; month <= 3; month += 1) {
      await world.clock.advance(MONTH_MS);
      await world.record(month * MONTH_MS, 20_000);
    }
    expect(await chainFiles(world.chainFolder)).toHaveLength(4);
    await world.proofs.compact();
    expect(await chainFiles(world.chainFolder)).toHaveLength(4);

    await removeAll([0, 10_000, 20_000, MONTH_MS, MONTH_MS + 10_000]);
    await world.proofs.compact();
    const [first, ...rest] = await links();
    expect(first).toMatchObject({ kind: 'summary', first: 0, seq: 6, segments: 5 });
    expect(rest[0]?.seq).toBe(7);
    expect((await chainFiles(world.chainFolder))[0]?.links).toBe(1);
    expect(await world.verify()).toMatchObject({ segments: 4, findings: [] });

    await removeAll([2 * MONTH_MS, 2 * MONTH_MS + 10_000]);
    await world.proofs.compact();
    expect((await links())[0]).toMatchObject({ kind: 'summary', first: 0, segments: 7 });
    await world.close();
    expect(await world.open()).toEqual([]);
    expect(await world.verify()).toMatchObject({ segments: 2, findings: [] });
  });

  it('half replaced when the app was killed are finished at the next start', async () => {
    await world.record(0, 10_000);
    await world.clock.advance(MONTH_MS);
    await world.record(MONTH_MS, 10_000);
    await world.clock.advance(MONTH_MS);
    await world.record(2 * MONTH_MS, 10_000);
    await removeAll([0, MONTH_MS]);
    const before = await chainFiles(world.chainFolder);
    const second = before[1];
    if (!second) throw new Error('no second file');
    const kept = readFileSync(second.path);
    await world.proofs.compact();
    await world.kill();
    writeFileSync(second.path, kept);
    await world.open();
    expect(await chainFiles(world.chainFolder)).toHaveLength(2);
    expect((await world.verify()).findings).toEqual([]);
  });

  it('that were damaged are left for the verification to find', async () => {
    await world.record(0, 10_000);
    await world.clock.advance(MONTH_MS);
    await world.record(MONTH_MS, 10_000);
    await removeAll([0]);
    const [old] = await chainFiles(world.chainFolder);
    if (!old) throw new Error('no file');
    const bytes = readFileSync(old.path);
    bytes[LINK_BYTES + 20] = (bytes[LINK_BYTES + 20] ?? 0) ^ 1;
    writeFileSync(old.path, bytes);
    expect(world.proofs.counters.compacted).toBe(0);
    await world.proofs.compact();
    expect((await world.verify()).findings.map(({ kind }) => kind)).toContain('chain-broken');
  });
});
