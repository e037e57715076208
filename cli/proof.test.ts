import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { INSTALLATION_SETTING, writeMarker } from '../electron/recording/marker.ts';
import { seal } from '../electron/storage/seal.ts';
import { createIdentity, fingerprintOf } from '../peer/identity.ts';
import { BEGIN, ProvenFootage } from '../test/fixtures/proven-footage.ts';
import { main as exportMain, parseExportFlags } from './export.ts';
import { main as verifyMain, parseVerifyFlags } from './verify.ts';

let world: ProvenFootage;
const seed = Buffer.alloc(32, 5);
const dataKey = Buffer.alloc(32, 8);
const iso = (ms: number) => new Date(BEGIN + ms).toISOString();
const out = (name: string) => join(world.dataDir, name);

/** Runs a command in this process: its exit code and what it printed. */
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
const doExport = (...argv: string[]) =>
  run(exportMain, '--data', world.dataDir, '--camera', 'yard', '--from', iso(3_000), '--to', iso(27_000), ...argv);

beforeAll(async () => {
  world = new ProvenFootage();
  world.identity = createIdentity(seed);
  await world.open();
  writeFileSync(out('key'), dataKey);
  const value = Buffer.from(seal(new Uint8Array(dataKey), new Uint8Array(seed), 'identity')).toString('base64url');
  await world.storage.call('setSetting', { key: 'identity', value });
  await world.record(0, 30_000);
});
afterAll(async () => {
  await world.close();
  world.remove();
});

describe('keyhole export', () => {
  it('writes a file beside a running app that keyhole verify calls whole, and says whose it is', async () => {
    expect(await doExport('--out', out('a.mp4'))).toMatchObject({ code: 0 });
    const fingerprint = fingerprintOf(world.identity.publicKey);
    const { code, text } = await run(verifyMain, out('a.mp4'), '--fingerprint', fingerprint);
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('Whole and unchanged') as unknown });
    for (const said of [fingerprint, 'Yard (cam-aaaaaaaa)', iso(2_000), iso(3_000)]) expect(text).toContain(said);
    const json = await run(verifyMain, out('a.mp4'), '--json');
    expect(JSON.parse(json.text)).toMatchObject({ findings: [], fingerprint });
  });

  it('writes over nothing, and leaves no half file', async () => {
    writeFileSync(out('taken.mp4'), 'mine');
    expect(await doExport('--out', out('taken.mp4'))).toMatchObject({
      code: 1,
      text: expect.stringContaining('is there already') as unknown,
    });
    expect(readFileSync(out('taken.mp4'), 'utf8')).toBe('mine');
    writeFileSync(out('begun.mp4.part'), 'mine too');
    expect(await doExport('--out', out('begun.mp4'))).toMatchObject({
      code: 1,
      text: expect.stringContaining('begun.mp4.part') as unknown,
    });
    expect(readFileSync(out('begun.mp4.part'), 'utf8')).toBe('mine too');
    const nothing = await run(
      exportMain,
      '--data',
      world.dataDir,
      '--camera',
      'Yard',
      '--from',
      iso(90_000),
      '--to',
      iso(99_000),
      '--out',
      out('n.mp4'),
    );
    expect(nothing).toMatchObject({ code: 1, text: expect.stringContaining('Nothing is recorded') as unknown });
    expect([existsSync(out('n.mp4')), existsSync(out('n.mp4.part'))]).toEqual([false, false]);
  });

  it('without the key of the app says so, and exports without a proof when asked to', async () => {
    rmSync(out('key'));
    expect(await doExport('--out', out('b.mp4'))).toMatchObject({ code: 1, text: expect.stringContaining('--no-proof') as unknown });
    expect(await doExport('--no-proof', '--out', out('b.mp4'))).toMatchObject({ code: 0 });
    writeFileSync(out('key'), dataKey);
    expect(await run(verifyMain, out('b.mp4'))).toMatchObject({ code: 1, text: expect.stringContaining('carries no proof') as unknown });
  });

  it('names what is wrong with its flags', async () => {
    for (const argv of [[], ['--camera', 'x'], ['--camera', 'x', '--from', 'yesterday', '--to', iso(0), '--out', 'a'], ['--what']])
      expect(() => parseExportFlags(argv)).toThrowError(expect.objectContaining({ code: 'usage' }) as Error);
    const reversed = ['--camera', 'x', '--from', iso(2), '--to', iso(1), '--out', 'a'];
    expect(() => parseExportFlags(reversed)).toThrowError(/before/);
    expect(await doExport('--camera', 'nobody', '--out', out('c.mp4'))).toMatchObject({
      text: expect.stringContaining('Yard (cam-') as unknown,
    });
  });
});

describe('keyhole verify', () => {
  it('says that a file was changed, and which second', async () => {
    await doExport('--out', out('d.mp4'));
    const bytes = readFileSync(out('d.mp4'));
    bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
    writeFileSync(out('d.mp4'), bytes);
    const { code, text } = await run(verifyMain, out('d.mp4'));
    expect(code).toBe(1);
    expect(text).toMatch(/NOT as it was[^]*2026-11-23T08:00:\d\d\.000Z – 2026-11-23T08:00:\d\d\.000Z/);
    expect(await run(verifyMain, out('a.mp4'), '--fingerprint', 'aaaa-bbbb-cccc-dddd-eeee')).toMatchObject({ code: 1 });
  });

  it('reads a data folder, beside the app that uses it, and finds a changed file', async () => {
    const good = await run(verifyMain, world.dataDir);
    expect(good).toMatchObject({ code: 0, text: expect.stringContaining('3 of 3 recordings') as unknown });
    const path = world.file(10_000);
    const kept = readFileSync(path);
    const bad = Buffer.from(kept);
    bad[900] = (bad[900] ?? 0) ^ 1;
    writeFileSync(path, bad);
    const found = await run(verifyMain, '--data', world.dataDir, '--camera', 'Yard', '--from', iso(0), '--json');
    expect(found.code).toBe(1);
    expect(JSON.parse(found.text.split('\n')[0] ?? '')).toMatchObject({ good: 2, findings: [{ kind: 'changed' }] });
    expect(await run(verifyMain, world.dataDir, '--from', iso(20_000))).toMatchObject({ code: 0 });
    writeFileSync(path, kept);
  });

  it('compares nothing silently: a fingerprint that is none, or that there is no file for, is refused', async () => {
    for (const none of ['', 'aaaa-bbbb', '1111-1111-1111-1111-1111'])
      expect(await run(verifyMain, out('a.mp4'), '--fingerprint', none)).toMatchObject({ code: 2 });
    const fingerprint = fingerprintOf(world.identity.publicKey);
    expect(await run(verifyMain, world.dataDir, '--fingerprint', fingerprint)).toMatchObject({ code: 2 });
    const plain = fingerprint.replaceAll('-', ' ').toUpperCase();
    expect(await run(verifyMain, out('a.mp4'), '--fingerprint', plain)).toMatchObject({ code: 0 });
  });

  it('takes a folder without its mark for a disk that is not there, and nothing in it for missing', async () => {
    const kept = await world.storage.call('setting', { key: INSTALLATION_SETTING });
    await world.storage.call('setSetting', { key: INSTALLATION_SETTING, value: 'an installation' });
    const path = world.file(10_000);
    const file = readFileSync(path);
    rmSync(path);
    expect(await run(verifyMain, world.dataDir)).toMatchObject({
      code: 0,
      text: expect.stringContaining('3 were not looked at: their disk') as unknown,
    });
    await writeMarker(world.dataDir, { id: 'an installation', folder: 0 });
    expect(await run(verifyMain, world.dataDir)).toMatchObject({ code: 1, text: expect.stringContaining('is gone') as unknown });
    writeFileSync(path, file);
    expect(await run(verifyMain, world.dataDir)).toMatchObject({ code: 0, text: expect.stringContaining('3 of 3') as unknown });
    await world.storage.call('setSetting', { key: INSTALLATION_SETTING, value: kept });
  });

  it('takes one folder, or files', () => {
    expect(() => parseVerifyFlags([world.dataDir, 'file.mp4'])).toThrowError(expect.objectContaining({ code: 'usage' }) as Error);
    expect(parseVerifyFlags(['a.mp4', 'b.mp4']).files).toEqual(['a.mp4', 'b.mp4']);
  });
});
