import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { objectName } from '../../electron/archive/notes.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { NewArchiveTarget } from '../../electron/contract/archive.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import { S3Server, s3ServerUnavailable } from '../fakes/s3-server.ts';
import { CAMERA, folderTarget, Installation, objectFiles, s3Target, seededFolder, SEGMENTS, T0, TIMES } from './archive-world.ts';

/* The archive of a real installation: real footage, database and files, a real S3 server that is other people's code, a real folder. */

const UPLOADER = fileURLToPath(new URL('./archive-uploader.ts', import.meta.url));
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

const targets: [string, () => NewArchiveTarget][] = [['a folder', folderTarget]];
if (!noS3) targets.push(['a real S3 server', () => s3Target(server, `t${serial++}/`)]);

describe.each(targets)('an archive in %s', (_kind, newTarget) => {
  it('has what was recorded, before and since, and plays it byte for byte when the files are gone', async () => {
    const home = await installation();
    const local = await home.pictures();
    expect(local.every(({ value }) => value.kind === 'gop')).toBe(true);
    const clip = await clipOf(home);
    await home.archive.configure({ target: newTarget() });
    await home.copyAll();
    expect((await home.rows()).map(({ archive, folder }) => [archive, folder])).toEqual(Array(SEGMENTS).fill([1, 0]));
    await home.loseFiles();
    expect(await home.pictures()).toEqual(local);
    expect(Buffer.compare(await clipOf(home), clip)).toBe(0);
    const jpeg = await home.playback.frameJpeg({ camera: CAMERA, at: TIMES[1] ?? utcMs(0) });
    expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    expect(await home.archive.status()).toMatchObject({ state: 'idle', segments: SEGMENTS, waitingSegments: 0, oldest: T0 });
  });

  it('gives a group by one request of the chunks that hold it, and what was read last by none', async () => {
    const home = await installation();
    await home.archive.configure({ target: newTarget() });
    await home.copyAll();
    await home.loseFiles();
    const { counters } = home.archive.reader;
    const row = (await home.rows()).find(({ keyframes }) => keyframes.length > 20);
    const [first, later] = [row?.keyframes[0], row?.keyframes[20]];
    if (!first || !later) throw new Error('a segment of a minute has a keyframe every 2 s');
    await home.pictures([first.at]);
    const before = { ...counters };
    await home.pictures([later.at]);
    expect(counters.requests - before.requests).toBe(1);
    expect(counters.bytes - before.bytes).toBeLessThanOrEqual(later.bytes + 2 * (65_536 + 16));
    await home.pictures([first.at, later.at]);
    expect(counters.requests - before.requests).toBe(1);
  });

  it('gives the index back after database and files are lost, to who has the recovery text', async () => {
    const home = await installation();
    const target = newTarget();
    await home.archive.configure({ target });
    await home.copyAll();
    const { text } = home.archive.recovery();
    const [rows, pictures] = [await home.rows(), await home.pictures()];
    await home.remove();

    const anew = await installation(null);
    await expect(
      anew.archive.configure({ target, recovery: text.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')) }),
    ).rejects.toMatchObject({
      code: 'bad-request',
    });
    await anew.archive.configure({ target, recovery: text });
    await restored(anew);
    expect(await anew.archive.status()).toMatchObject({
      restore: { seen: SEGMENTS, restored: SEGMENTS, unreadable: 0 },
      segments: SEGMENTS,
    });
    const camera = await anew.storage.call('camera', { id: CAMERA });
    expect(camera).toMatchObject({ name: 'Corridor', createdAt: T0 });
    expect(camera?.removedAt).not.toBeNull();
    const expected = rows.map((row) => ({ ...row, camera: camera?.key, folder: null, archive: 1 }));
    expect(await anew.rows()).toEqual(expected);
    expect(await anew.pictures()).toEqual(pictures);
    // Again: nothing changes.
    await restored(anew);
    expect(await anew.archive.status()).toMatchObject({ restore: { seen: SEGMENTS, restored: 0 }, segments: SEGMENTS });
    expect(await anew.rows()).toEqual(expected);
  });

  it('gives up the oldest when it is to keep less, objects after rows, and says so where nothing else has them', async () => {
    const home = await installation();
    await home.archive.configure({ target: newTarget() });
    await home.copyAll();
    const rows = await home.rows();
    const [first, second, third] = rows;
    if (!first || !second || !third) throw new Error('five segments were recorded');
    // The first is protected, of the others the second has no file.
    const { camera } = first;
    await home.storage.call('loseSegments', { camera, folder: 0, starts: [second.start], text: 'gone' });
    await protect(home, first.start, first.end);
    const total = rows.reduce((sum, { bytes }) => sum + bytes, 0);
    await home.archive.configure({ keepBytes: Math.max(1_000_000, total - second.bytes - third.bytes) });
    await vi.waitFor(async () => expect((await home.rows()).map(({ archive }) => archive)).toEqual([1, null, 1, 1, 1]), 20_000);
    await vi.waitFor(async () => expect(await home.storage.call('archiveGarbage', { archive: 1, limit: 10 })).toEqual([]), 20_000);
    expect(home.archive.counters).toMatchObject({ expired: 2, objects: 2 });
    expect((await home.rows()).map(({ start }) => start)).toEqual([first, third, ...rows.slice(3)].map(({ start }) => start));
    const [gone] = await home.pictures([utcMs(second.start + 1_000)]);
    expect(gone?.value).toMatchObject({ kind: 'gap', reason: 'deleted-by-retention' });
    expect((await home.archive.status()).waitingSegments).toBe(0);
  });

  it('loses the objects of a camera whose recordings are deleted', async () => {
    const home = await installation();
    await home.archive.configure({ target: newTarget() });
    await home.copyAll();
    const objects = (await home.rows()).map(({ start, origin }) => objectName(CAMERA, start, origin));
    await home.storage.call('removeCamera', { id: CAMERA, at: utcMs(T0 + 1e6), forgetRecordings: true });
    expect(await home.storage.call('forgetRemoved', { limit: 1_000 })).toMatchObject({ done: true });
    home.archive.configure({}).catch(() => {});
    await vi.waitFor(async () => expect(await home.storage.call('archiveGarbage', { archive: 1, limit: 10 })).toEqual([]), 20_000);
    expect(home.archive.counters.objects).toBe(objects.length);
    expect(await home.archive.status()).toMatchObject({ segments: 0, bytes: 0, oldest: null });
  });

  it('is shared by two installations that do not touch each other’s objects', async () => {
    const target = newTarget();
    const [one, other] = [await installation(), await installation()];
    for (const home of [one, other]) {
      await home.archive.configure({ target });
      await home.copyAll();
    }
    expect(one.archive.recovery().folder).not.toBe(other.archive.recovery().folder);
    const pictures = await other.pictures();
    await one.storage.call('removeCamera', { id: CAMERA, at: utcMs(T0 + 1e6), forgetRecordings: true });
    expect(await one.storage.call('forgetRemoved', { limit: 1_000 })).toMatchObject({ done: true });
    await one.archive.configure({ keepDays: 1 });
    await vi.waitFor(() => expect(one.archive.counters.objects).toBe(SEGMENTS), 20_000);
    await restored(other);
    expect(await other.archive.status()).toMatchObject({ restore: { seen: SEGMENTS, restored: 0, unreadable: 0 } });
    await other.loseFiles();
    expect(await other.pictures()).toEqual(pictures);
  });

  it('that copies says nothing of a segment before its object is whole, whenever it is killed', async () => {
    const home = await installation();
    await home.archive.configure({ target: newTarget(), rateKbps: 20_000 });
    await home.close();
    let killed = 0;
    for (let i = 0; i < 6; i++) {
      killed += await killWhileCopying(home.dataDir, i * 250);
      const looked = await Installation.over(home.dataDir);
      for (const row of await looked.rows()) {
        if (row.archive === null) continue;
        // Whole, and the very bytes of the file.
        const file = readFileSync(join(home.dataDir, 'recordings', CAMERA, '2026-11-23', `${row.start}.mp4`));
        const segment = (await looked.playback.segments({ camera: CAMERA, from: row.start, to: row.end })).find(
          ({ start }) => start === row.start,
        );
        if (!segment) throw new Error('a row without its segment');
        expect(Buffer.compare(await looked.archive.reader.read(segment, 0, row.bytes), file)).toBe(0);
      }
      await looked.close();
    }
    expect(killed).toBeGreaterThan(3);
    const last = await Installation.over(home.dataDir);
    onTestFinished(() => last.close());
    await last.archive.configure({ rateKbps: null });
    await last.copyAll();
    await last.loseFiles();
    expect((await last.pictures()).every(({ value }) => value.kind === 'gop')).toBe(true);
  }, 180_000);

  it('is tried before it is taken in use, and a test leaves nothing behind', async () => {
    const home = await installation();
    const target = newTarget();
    await expect(home.archive.test()).rejects.toMatchObject({ code: 'bad-request' });
    expect(await home.archive.test(target)).toMatchObject({ writeMs: expect.any(Number) });
    if (target.kind === 'folder') expect(readdirSync(target.path)).toEqual([]);
    expect(home.archive.settings.target).toBeNull();
    await home.archive.configure({ target });
    expect(await home.archive.test()).toMatchObject({ deleteMs: expect.any(Number) });
    expect(JSON.stringify(home.archive.settings)).not.toContain('secretAccessKey');
    await home.archive.configure({ target: null });
    expect(await home.archive.status()).toMatchObject({ state: 'off' });
    // The same place again is the same archive.
    await home.archive.configure({ target });
    await home.copyAll();
    expect((await home.rows()).map(({ archive }) => archive)).toEqual(Array(SEGMENTS).fill(1));
  });
});

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

async function clipOf(home: Installation): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of home.playback.clip({ camera: CAMERA, from: utcMs(T0 + 30_000), to: utcMs(T0 + 210_000) })) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function restored(home: Installation): Promise<void> {
  home.archive.restore();
  await vi.waitFor(async () => expect((await home.archive.status()).restore?.running).toBe(false), 20_000);
}

async function protect(home: Installation, from: number, to: number): Promise<void> {
  const [row] = await home.rows();
  await home.storage.call('addProtected', {
    camera: row?.camera ?? 0,
    start: utcMs(from),
    end: utcMs(to),
    until: null,
    kind: 'bookmark',
    text: 'kept',
  });
}

/** Returns 1 when it was in the middle of it, 0 when there was nothing left to copy. */
async function killWhileCopying(dataDir: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', UPLOADER, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await exited;
  const looked = await Installation.over(dataDir);
  const { waitingSegments } = await looked.archive.status();
  await looked.close();
  return waitingSegments > 0 ? 1 : 0;
}

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
