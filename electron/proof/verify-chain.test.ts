import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { createIdentity } from '../../peer/identity.ts';
import { BEGIN, ProvenFootage } from '../../test/fixtures/proven-footage.ts';
import { LINK_BYTES, readLink, signLink } from './link.ts';

let world: ProvenFootage;

beforeEach(async () => {
  world = new ProvenFootage();
  await world.open();
  await world.record(0, 60_000);
});
afterEach(async () => {
  await world.close();
  world.remove();
});

const kinds = async (options = {}) => (await world.verify(options)).findings.map(({ kind }) => kind);
const chainFile = () => join(world.chainFolder, readdirSync(world.chainFolder).sort().at(-1) ?? '');
/** Links of the chain: begun, opened, then the segments. */
const FIRST_SEGMENT = 2;

function alterLink(index: number, change: (record: Buffer) => void): void {
  const bytes = readFileSync(chainFile());
  change(bytes.subarray(index * LINK_BYTES, (index + 1) * LINK_BYTES));
  writeFileSync(chainFile(), bytes);
}

describe('a chain that nobody touched', () => {
  it('is found whole: every file is read, and none is unknown', async () => {
    const report = await world.verify();
    expect(report).toMatchObject({ links: 8, segments: 6, good: 6, unchecked: 0, unproven: 0, findings: [], total: 0 });
    expect(report.bytes).toBeGreaterThan(6 * 25_000);
    expect(await world.verify({ deep: false })).toMatchObject({ segments: 6, good: 6, findings: [] });
  });

  it('is looked at in the asked range only', async () => {
    rmSync(world.file(40_000));
    expect(await world.verify({ from: BEGIN, to: BEGIN + 30_000 })).toMatchObject({ segments: 3, findings: [] });
    expect(await kinds({ from: BEGIN + 40_000 })).toEqual(['missing']);
  });

  it('is verified without the database too', async () => {
    expect(await world.verify({ storage: null })).toMatchObject({ segments: 6, good: 6, findings: [] });
  });

  it('may be recorded and deleted from meanwhile', async () => {
    const report = world.verify({ now: Date.now() });
    await world.record(60_000, 20_000);
    await world.remover.remove({ camera: world.camera.key, starts: [utcMs(BEGIN)], why: 'retention', because: null });
    rmSync(world.file(0));
    expect((await report).findings).toEqual([]);
  });
});

describe('a segment', () => {
  it('that was changed by one bit is found, wherever the bit is', async () => {
    const good = readFileSync(world.file(10_000));
    for (const position of [30, 700, good.length >> 1, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[position] = (bad[position] ?? 0) ^ 1;
      writeFileSync(world.file(10_000), bad);
      expect(await world.verify()).toMatchObject({ good: 5, findings: [{ kind: 'changed', from: BEGIN + 10_000, to: BEGIN + 20_000 }] });
    }
  });

  it('that was cut is found without reading it', async () => {
    truncateSync(world.file(10_000), 20_000);
    expect(await kinds({ deep: false })).toEqual(['changed']);
  });

  it('that is gone without a word is found; said to be removed, it is not', async () => {
    rmSync(world.file(20_000));
    expect(await world.verify()).toMatchObject({ findings: [{ kind: 'missing', from: BEGIN + 20_000 }] });
    await world.remover.remove({ camera: world.camera.key, starts: [utcMs(BEGIN + 20_000)], why: 'person', because: null });
    expect(await world.verify()).toMatchObject({ segments: 5, findings: [] });
  });

  it('that is gone with its row is found', async () => {
    rmSync(world.file(20_000));
    await world.storage.call('deleteSegments', { camera: world.camera.key, starts: [utcMs(BEGIN + 20_000)], because: null });
    expect(await kinds()).toEqual(['missing']);
  });

  it('that a later removal would cover, but that had gone before, is found', async () => {
    await world.storage.call('deleteSegments', { camera: world.camera.key, starts: [utcMs(BEGIN + 20_000)], because: null });
    rmSync(world.file(20_000));
    const starts = [0, 10_000, 20_000, 30_000].map((ms) => utcMs(BEGIN + ms));
    await world.remover.remove({ camera: world.camera.key, starts, why: 'retention', because: null });
    for (const ms of [0, 10_000, 30_000]) rmSync(world.file(ms));
    expect(await kinds()).toEqual(['unsaid-removal']);
  });

  it('in the place of another is found as such', async () => {
    renameSync(world.file(10_000), `${world.file(10_000)}.x`);
    renameSync(world.file(30_000), world.file(10_000));
    renameSync(`${world.file(10_000)}.x`, world.file(30_000));
    const { findings } = await world.verify();
    expect(findings.map(({ kind }) => kind)).toEqual(['moved', 'moved']);
    expect(findings[0]?.text).toContain(new Date(BEGIN + 30_000).toISOString());
  });

  it('that was slipped in is found', async () => {
    copyFileSync(world.file(10_000), world.file(25_000));
    expect(await world.verify()).toMatchObject({ findings: [{ kind: 'unknown-file', from: BEGIN + 25_000 }] });
  });

  it('whose row was made to fit a changed file is found', async () => {
    const [row] = await world.storage.call('segmentsWithKeyframes', { camera: world.camera.key, from: utcMs(BEGIN), to: utcMs(BEGIN + 1) });
    if (!row) throw new Error('no row');
    await world.storage.call('insertSegment', { ...row, hash: new Uint8Array(32) });
    expect(await kinds()).toEqual(['index-differs']);
  });

  it('on a disk that is not there is not said to be missing', async () => {
    const folders = [{ key: 0, root: join(world.dataDir, 'nowhere'), present: false }];
    expect(await world.verify({ folders })).toMatchObject({ segments: 6, good: 0, unchecked: 6, findings: [] });
  });
});

describe('the chain itself', () => {
  it('does not survive a changed link: its signature, its hash in the next', async () => {
    alterLink(FIRST_SEGMENT + 1, (record) => record.writeUInt8((record.readUInt8(31) + 1) % 256, 31));
    const found = await kinds();
    expect(found).toContain('chain-broken');
    expect(found).toContain('foreign-signature');
  });

  it('does not survive a link that was signed anew by somebody else', async () => {
    const other = createIdentity(Buffer.alloc(32, 9));
    alterLink(FIRST_SEGMENT + 5, (record) => {
      const link = readLink(record);
      if (link?.kind !== 'segment') throw new Error('no segment');
      record.set(signLink(world.camera.id, link, { ...link, hash: new Uint8Array(32) }, (message) => other.sign(message)));
    });
    const found = await kinds();
    expect(found).toContain('foreign-signature');
    expect(found).toContain('chain-cut');
  });

  it('shows links that were taken out, swapped, or overwritten', async () => {
    const whole = readFileSync(chainFile());
    const link = (i: number) => whole.subarray(i * LINK_BYTES, (i + 1) * LINK_BYTES);
    for (const order of [
      [0, 1, 2, 4, 5, 6, 7],
      [0, 1, 2, 4, 3, 5, 6, 7],
      [0, 1, 2, 3, 3, 4, 5, 6, 7],
    ]) {
      writeFileSync(chainFile(), Buffer.concat(order.map(link)));
      expect(await kinds(), String(order)).toContain('chain-broken');
    }
    writeFileSync(chainFile(), Buffer.concat([link(0), link(1), link(2), Buffer.alloc(LINK_BYTES), whole.subarray(4 * LINK_BYTES)]));
    expect(await kinds()).toContain('chain-broken');
  });

  it('whose end was taken away together with the files is found by what the database knows', async () => {
    truncateSync(chainFile(), 6 * LINK_BYTES);
    for (const ms of [40_000, 50_000]) rmSync(world.file(ms));
    expect(await kinds()).toEqual(['chain-cut']);
    expect(await kinds({ storage: null })).toEqual([]);
    expect(await kinds({ storage: null, heads: [{ seq: 7, hash: new Uint8Array(32) }] })).toEqual(['chain-cut']);
  });

  it('that is gone altogether is found', async () => {
    rmSync(world.chainFolder, { recursive: true });
    expect(await kinds()).toContain('chain-cut');
  });

  it('of another app is not taken for this one’s', async () => {
    expect(await kinds({ key: createIdentity(Buffer.alloc(32, 9)).publicKey })).toEqual(['foreign-signature']);
    expect(await kinds({ key: world.identity.publicKey })).toEqual([]);
  });
});
