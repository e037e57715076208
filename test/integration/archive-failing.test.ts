import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { NewArchiveTarget } from '../../electron/contract/archive.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import { S3Server, s3ServerUnavailable } from '../fakes/s3-server.ts';
import { CAMERA, clipOf, folderTarget, Installation, objectFiles, s3Target, seededFolder, SEGMENTS, T0 } from './archive-world.ts';

/* An archive that is away, full, altered or refuses: real footage, database and files, a real S3 server, a real folder. */

const noS3 = s3ServerUnavailable();
let seed: string;
let server: S3Server;
let serial = 0;

beforeAll(async () => {
  seed = await seededFolder();
  if (!noS3) server = await S3Server.start('footage');
});
afterAll(async () => {
  await server?.close();
  rmSync(seed, { recursive: true, force: true });
});

async function installation(from: string | null = seed, options: Parameters<typeof Installation.open>[1] = {}): Promise<Installation> {
  const opened = await Installation.open(from, options);
  onTestFinished(() => opened.remove());
  return opened;
}

describe('an archive that fails', () => {
  it('in a folder whose disk is not mounted gives gaps that say so, copies nothing elsewhere, and goes on when it is back', async () => {
    const home = await installation();
    const target = folderTarget();
    await home.archive.configure({ target });
    await home.copyAll();
    await home.loseFiles();
    const pictures = await home.pictures();
    const again = await home.reopened();
    onTestFinished(() => again.close());
    renameSync(target.path, `${target.path}.away`);
    mkdirSync(target.path);
    const [gap] = await again.pictures([utcMs(T0 + 1_000)]);
    expect(gap?.value).toMatchObject({
      kind: 'gap',
      reason: 'archive-unreachable',
      from: T0,
      text: expect.stringContaining('connect its disk'),
    });
    const { spans } = await again.playback.recordings({ camera: CAMERA, from: utcMs(T0), to: utcMs(T0 + 100_000) });
    expect(spans).toEqual([{ from: T0, to: T0 + 100_000 }]);
    await expect(again.archive.configure({ target })).rejects.toMatchObject({ code: 'archive-unreachable' });
    expect(readdirSync(target.path)).toEqual([]);
    rmSync(target.path, { recursive: true });
    renameSync(`${target.path}.away`, target.path);
    const back = await again.reopened();
    onTestFinished(() => back.close());
    expect(await back.pictures()).toEqual(pictures);
  });

  it('says that its folder is full, and copies the rest when there is space', async () => {
    if (!canMount()) return;
    const target = folderTarget();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', target.path]);
    onTestFinished(() => void execFileSync('umount', [target.path]));
    const home = await installation();
    await home.archive.configure({ target });
    const filler = join(target.path, 'filler');
    writeFileSync(filler, new Uint8Array(2_500_000));
    home.archive.start();
    await vi.waitFor(
      async () => expect(await home.archive.status()).toMatchObject({ state: 'failed', error: { code: 'archive-refused' } }),
      20_000,
    );
    expect((await home.archive.status()).error?.text).toContain('is full');
    const there = (await home.rows()).filter(({ archive }) => archive !== null);
    expect(there.length).toBeLessThan(SEGMENTS);
    expect(objectFiles(target.path)).toHaveLength(there.length);
    rmSync(filler);
    execFileSync('mount', ['-o', 'remount,size=60m', target.path]);
    await home.archive.configure({});
    await home.copyAll();
  });

  it('by an altered object shows a gap that says so, and all other groups', async () => {
    const home = await installation();
    const target = folderTarget();
    await home.archive.configure({ target });
    await home.copyAll();
    await home.loseFiles();
    const [first = '', second = ''] = objectFiles(target.path);
    const bytes = readFileSync(first);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    writeFileSync(first, bytes);
    // One object in another's place.
    writeFileSync(second, readFileSync(objectFiles(target.path)[3] ?? ''));
    const anew = await home.reopened();
    onTestFinished(() => anew.close());
    const [damaged, swapped, third] = await anew.rows();
    const gap = { kind: 'gap', reason: 'unknown', text: expect.stringContaining('altered') };
    const seen = await anew.pictures([T0, (damaged?.end ?? 0) - 500, (swapped?.start ?? 0) + 500, (third?.start ?? 0) + 500].map(utcMs));
    expect(seen.map(({ value }) => value.kind)).toEqual(['gop', 'gap', 'gap', 'gop']);
    expect(seen[1]?.value).toMatchObject(gap);
    expect(seen[2]?.value).toMatchObject(gap);
  });

  it('waits while the disk is behind with what is recorded', async () => {
    const disk = { behind: true };
    const home = await installation(seed, { behind: () => disk.behind });
    await home.archive.configure({ target: folderTarget() });
    home.archive.start();
    await vi.waitFor(async () => expect((await home.archive.status()).state).toBe('idle'));
    expect(home.archive.counters.copied).toBe(0);
    disk.behind = false;
    await home.archive.configure({});
    await home.copyAll();
  });

  it('gives a file up that is gone, and copies the others', async () => {
    const home = await installation();
    const [first] = await home.rows();
    rmSync(join(home.dataDir, 'recordings', CAMERA, '2026-11-23', `${first?.start}.mp4`));
    await home.archive.configure({ target: folderTarget() });
    home.archive.start();
    await vi.waitFor(() => expect(home.archive.counters).toMatchObject({ copied: SEGMENTS - 1, skipped: 1 }), 20_000);
    expect((await home.rows()).map(({ archive }) => archive)).toEqual([null, ...Array<number>(SEGMENTS - 1).fill(1)]);
  });

  it.skipIf(noS3)('by refusing its keys says so, loses nothing, and goes on with new ones', async () => {
    const home = await installation();
    const prefix = `t${serial++}/`;
    await expect(home.archive.configure({ target: s3Target(server, prefix, { secretAccessKey: 'wrong' }) })).rejects.toMatchObject({
      code: 'archive-refused',
    });
    expect(home.archive.settings.target).toBeNull();
    await home.archive.configure({ target: s3Target(server, prefix) });
    // A secret that is left out is the one that is stored.
    const { secretAccessKey: _, ...withoutSecret } = s3Target(server, prefix) as Extract<NewArchiveTarget, { kind: 's3' }>;
    expect(await home.archive.configure({ target: withoutSecret })).toMatchObject({ target: withoutSecret });
    await home.copyAll();
  });

  it.skipIf(noS3)(
    'by being away says so where its footage is, and needs nobody to go on',
    async () => {
      const away = await S3Server.start('footage');
      onTestFinished(() => away.close());
      const home = await installation();
      await home.archive.configure({ target: s3Target(away) });
      await home.copyAll();
      await home.loseFiles();
      const disk = { behind: true };
      const other = await installation(seed, { behind: () => disk.behind });
      await other.archive.configure({ target: s3Target(away) });
      other.archive.start();

      await away.stop();
      const [gap] = await home.pictures([utcMs(T0 + 1_000)]);
      expect(gap?.value).toMatchObject({ kind: 'gap', reason: 'archive-unreachable', text: expect.stringContaining('cannot be reached') });
      await expect(home.playback.frameJpeg({ camera: CAMERA, at: utcMs(T0 + 1_000) })).rejects.toMatchObject({
        code: 'archive-unreachable',
      });
      await expect(clipOf(home)).rejects.toMatchObject({ code: 'archive-unreachable' });
      disk.behind = false;
      await vi.waitFor(
        async () => expect(await other.archive.status()).toMatchObject({ state: 'failed', error: { code: 'archive-unreachable' } }),
        30_000,
      );

      await away.start();
      await vi.waitFor(async () => expect((await other.archive.status()).error).toBeNull(), { timeout: 40_000, interval: 200 });
      await other.copyAll();
      await vi.waitFor(async () => expect((await home.pictures([utcMs(T0 + 1_000)]))[0]?.value.kind).toBe('gop'), 20_000);
    },
    120_000,
  );
});

describe('what a repair does', () => {
  it('keeps what the archive has: a row whose file is gone is played from there', async () => {
    const home = await installation();
    await home.archive.configure({ target: folderTarget() });
    await home.copyAll();
    const pictures = await home.pictures();
    rmSync(join(home.dataDir, 'recordings', CAMERA), { recursive: true });
    const { storage, folders } = home;
    await repairIndex({
      storage,
      folders,
      register: new Register(storage),
      log: silentLog,
      all: true,
    });
    expect((await home.rows()).map(({ folder, archive }) => [folder, archive])).toEqual(Array(SEGMENTS).fill([null, 1]));
    expect(await home.pictures()).toEqual(pictures);
    expect(await storage.call('archiveGarbage', { archive: 1, limit: 10 })).toEqual([]);
  });
});

function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'keyhole-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}
