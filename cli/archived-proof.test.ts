import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Archive } from '../electron/archive/archive.ts';
import { systemClock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { utcMs } from '../electron/base/units.ts';
import { diagnose } from '../electron/doctor/doctor.ts';
import { seal } from '../electron/storage/seal.ts';
import { createIdentity } from '../peer/identity.ts';
import { BEGIN, ProvenFootage } from '../test/fixtures/proven-footage.ts';
import { keysOf } from './data-folder.ts';
import { main as exportMain } from './export.ts';
import { main as verifyMain } from './verify.ts';

/* Three recordings of ten seconds: the archive alone has the first two, a real folder on another disk. */

const dataKey = new Uint8Array(32).fill(8);
const seed = new Uint8Array(32).fill(5);
const iso = (ms: number) => new Date(BEGIN + ms).toISOString();
let world: ProvenFootage;
let disk: string;
/** What export gave while all files were here. */
let whole: Buffer;

async function run(main: (argv: readonly string[]) => Promise<number>, ...argv: string[]) {
  let text = '';
  const take = (chunk: unknown) => {
    text += String(chunk);
    return true;
  };
  const spies = [vi.spyOn(process.stdout, 'write').mockImplementation(take), vi.spyOn(process.stderr, 'write').mockImplementation(take)];
  try {
    return { code: await main(argv), text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
const out = (name: string) => join(world.dataDir, name);
const doExport = (name: string, from = 3_000, to = 27_000, ...more: string[]) =>
  run(exportMain, '--data', world.dataDir, '--camera', 'Yard', '--from', iso(from), '--to', iso(to), '--out', out(name), ...more);
const verify = async (...argv: string[]) => {
  const { code, text } = await run(verifyMain, '--data', world.dataDir, '--json', ...argv);
  return { code, report: JSON.parse(text.split('\n')[0] ?? '') as Record<string, unknown> };
};
const objects = () =>
  readdirSync(disk, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sealed'))
    .map((name) => join(disk, name))
    .sort();

/** The pictures of an export, without its proof, which has its time in it. */
function media(file: string): Buffer {
  const bytes = readFileSync(file);
  return bytes.subarray(0, bytes.lastIndexOf(Buffer.from('uuid')) - 4);
}

/** As retention does it: rows say that only the archive has them, then the files go. */
async function leaveToTheArchive(...starts: number[]): Promise<void> {
  const because = { reason: 'deleted-by-retention', text: 'old' } as const;
  const args = { camera: world.camera.key, starts: starts.map((ms) => utcMs(BEGIN + ms)), why: 'retention', because } as const;
  await world.remover.remove({ ...args, keepArchived: true });
  for (const ms of starts) rmSync(world.file(ms));
}

/** While the disk is not connected. */
async function away<T>(look: () => Promise<T>): Promise<T> {
  renameSync(disk, `${disk}.away`);
  try {
    return await look();
  } finally {
    renameSync(`${disk}.away`, disk);
  }
}

beforeAll(async () => {
  world = new ProvenFootage();
  world.identity = createIdentity(Buffer.from(seed));
  await world.open();
  writeFileSync(out('key'), dataKey);
  const value = Buffer.from(seal(dataKey, seed, 'identity')).toString('base64url');
  await world.storage.call('setSetting', { key: 'identity', value });
  await world.record(0, 30_000);
  await doExport('before.mp4');
  whole = media(out('before.mp4'));
  disk = mkdtempSync(join(tmpdir(), 'keyhole-proof-archive-'));
  const { storage, folders } = world;
  const archive = await Archive.open({ storage, dataKey, folders, clock: systemClock, log: silentLog, behind: () => false });
  await archive.configure({ target: { kind: 'folder', path: disk } });
  archive.start();
  await vi.waitFor(async () => expect(await archive.status()).toMatchObject({ segments: 3, waitingSegments: 0 }), { timeout: 20_000 });
  await archive.close();
  await leaveToTheArchive(0, 10_000);
});
afterAll(async () => {
  await world.close();
  world.remove();
  rmSync(disk, { recursive: true, force: true });
});

describe('what only the archive has', () => {
  it('is exported, the same bytes as before, with a proof that holds', async () => {
    expect(await doExport('partly.mp4')).toMatchObject({ code: 0 });
    expect(Buffer.compare(media(out('partly.mp4')), whole)).toBe(0);
    expect(await doExport('wholly.mp4', 1_000, 9_000)).toMatchObject({ code: 0 });
    for (const name of ['partly.mp4', 'wholly.mp4']) {
      const { code, text } = await run(verifyMain, out(name));
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('Whole and unchanged') as unknown });
      expect(text).not.toContain('Not in the chain');
    }
  });

  it('is verified there, byte for byte', async () => {
    const { code, report } = await verify();
    expect({ code, report }).toMatchObject({ code: 0, report: { segments: 3, good: 3, archived: { good: 2, unread: 0 }, findings: [] } });
    const { text } = await run(verifyMain, '--data', world.dataDir);
    expect(text).toContain('2 of them were read in the archive');
  });

  it('is said to be there and not read by who only looks at names', async () => {
    const { code, report } = await verify('--quick');
    expect({ code, report }).toMatchObject({ code: 0, report: { good: 1, archived: { good: 0, unread: 2, why: null }, findings: [] } });
  });

  it('is not missing while the archive is away: verify says it was not read, export why it cannot', async () => {
    await away(async () => {
      const { code, report } = await verify();
      const why: unknown = expect.stringContaining(disk);
      expect({ code, report }).toMatchObject({ code: 0, report: { good: 1, archived: { good: 0, unread: 2, why }, findings: [] } });
      const { text } = await run(verifyMain, '--data', world.dataDir);
      expect(text).toMatch(/2 are in the archive, not read: /);
      const refused = await doExport('away.mp4');
      expect(refused).toMatchObject({ code: 1, text: expect.stringContaining(disk) as unknown });
      expect([existsSync(out('away.mp4')), existsSync(out('away.mp4.part'))]).toEqual([false, false]);
      expect(await doExport('here.mp4', 21_000, 27_000)).toMatchObject({ code: 0 });
    });
  });

  it('is not missing where the key is kept by a keychain, and that is said', async () => {
    rmSync(out('key'));
    const { code, report } = await verify();
    const why: unknown = expect.stringContaining('keychain');
    expect({ code, report }).toMatchObject({ code: 0, report: { archived: { good: 0, unread: 2, why }, findings: [] } });
    expect(await doExport('nokey.mp4', 3_000, 27_000, '--no-proof')).toMatchObject({
      code: 1,
      text: expect.stringContaining('keychain') as unknown,
    });
    writeFileSync(out('key'), dataKey);
  });

  it('is looked at by the doctor who reads everything, and else said not to be', async () => {
    const look = async (deep: boolean, key: Uint8Array | null = dataKey) => {
      const only = ['proofs'] as const;
      const report = await diagnose({ dataDir: world.dataDir, dataKey: key, clock: world.clock, log: silentLog, deep, only });
      return report.checks[0];
    };
    expect(await look(true)).toMatchObject({ ok: true, summary: expect.stringMatching(/every file read$/) as unknown, findings: [] });
    expect(await look(false)).toMatchObject({ ok: true, findings: [] });
    expect(await look(true, null)).toMatchObject({ ok: true, findings: [{ kind: 'archive-unread', level: 'note' }] });
    const keys = await keysOf(world.dataDir);
    expect(keys).toEqual({ dataKey, key: world.identity.publicKey });
    const others = { ...keys, key: createIdentity(Buffer.alloc(32, 9)).publicKey };
    const asked = { dataDir: world.dataDir, clock: world.clock, log: silentLog, only: ['proofs'] } as const;
    expect(await diagnose({ ...asked, ...keys })).toMatchObject({ clean: true });
    expect(await diagnose({ ...asked, ...others })).toMatchObject({ clean: false, checks: [{ findings: [{ kind: 'proof' }] }] });
  });

  it('is found when it was altered or taken away there', async () => {
    const [first = '', second = ''] = objects();
    const kept = [readFileSync(first), readFileSync(second)] as const;
    const altered = Buffer.from(kept[0]);
    altered[altered.length - 100] = (altered[altered.length - 100] ?? 0) ^ 1;
    writeFileSync(first, altered);
    rmSync(second);
    const { code, report } = await verify();
    const findings = [
      { kind: 'archive-copy', from: BEGIN, text: expect.stringContaining('altered') as unknown },
      { kind: 'archive-copy', from: BEGIN + 10_000, text: expect.stringContaining('not in the archive') as unknown },
    ];
    expect({ code, report }).toMatchObject({ code: 1, report: { good: 1, archived: { good: 0, unread: 0 }, findings } });
    expect(await doExport('altered.mp4', 1_000, 9_000)).toMatchObject({ code: 1, text: expect.stringContaining('altered') as unknown });
    writeFileSync(first, kept[0]);
    writeFileSync(second, kept[1]);
    expect(await verify()).toMatchObject({ code: 0 });
  });
});

describe('a file that is gone here and that the archive has', () => {
  it('is read there, before the index knows', async () => {
    rmSync(world.file(20_000));
    expect(await doExport('gone.mp4', 21_000, 27_000)).toMatchObject({ code: 0 });
    expect(await run(verifyMain, out('gone.mp4'))).toMatchObject({ code: 0 });
    expect(await verify()).toMatchObject({ code: 0, report: { good: 3, archived: { good: 3 }, findings: [] } });
  });
});
