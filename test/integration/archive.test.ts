import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { objectName } from '../../electron/archive/notes.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { NewArchiveTarget } from '../../electron/contract/archive.ts';
import { S3Server, s3ServerUnavailable } from '../fakes/s3-server.ts';
import { CAMERA, clipOf, folderTarget, Installation, s3Target, seededFolder, SEGMENTS, T0, TIMES } from './archive-world.ts';

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
