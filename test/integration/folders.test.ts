import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { DEFAULT_RECORDING } from '../../electron/contract/model.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { checkMarker } from '../../electron/recording/marker.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import { nodeDisk, type SegmentDisk } from '../../electron/segment/disk.ts';
import { Storage } from '../../electron/storage/client.ts';
import { clipUnits } from './recording-clip.ts';

/* Storage folders on disks that go away, fill, fail and hang. The files are real, and so are the mounts where root may make them. */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
let base: string;
let dataDir: string;
let second: string;
let storage: Storage;
let clock: SimulatedClock;
let folders: StorageFolders;
let disk: SegmentDisk = nodeDisk;
const recorders: Recorder[] = [];
const mounted: string[] = [];

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'keyhole-folders-'));
  dataDir = join(base, 'data');
  second = join(base, 'second');
  mkdirSync(second);
  disk = nodeDisk;
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0);
  await checkMarker(storage, { key: 0, root: dataDir });
  folders = await openFolders();
});

afterEach(async () => {
  for (const recorder of recorders.splice(0)) await recorder.close();
  folders.close();
  await storage.close();
  for (const path of mounted.splice(0).reverse()) execFileSync('umount', ['-l', path]);
  rmSync(base, { recursive: true, force: true });
});

const openFolders = () =>
  StorageFolders.open(storage, dataDir, {
    clock,
    disk: {
      open: (path, as) => disk.open(path, as),
      makeFolder: (path) => disk.makeFolder(path),
      unlink: (path) => disk.unlink(path),
      rename: (from, to) => disk.rename(from, to),
      syncFolder: (path) => disk.syncFolder(path),
    },
    headroomBytes: 200_000,
  });

async function recorderFor(id: string, folder: number): Promise<Recorder> {
  const row = { id, name: id, createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([7]) };
  const camera = await storage.call('addCamera', row);
  const recorder = new Recorder({
    camera,
    storage,
    register: new Register(storage),
    folders,
    settings: () => ({ ...DEFAULT_RECORDING, segmentS: 10, folder }),
    clock,
    log: silentLog,
    remux: () => {
      throw new Error('these units come with their fragments');
    },
  });
  recorder.sourceStatus({ state: 'live', reason: null });
  recorders.push(recorder);
  return recorder;
}

/** Feeds the recorders as a camera would, and calls `at` once each second of it is on the disk. */
async function feed(
  seconds: number,
  at: (second: number) => Promise<void> | void,
  waitFor: readonly Recorder[] = recorders,
): Promise<void> {
  let told = -1;
  for (const unit of clipUnits({ start: T0, lengthMs: seconds * 1000 })) {
    if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
    for (const recorder of recorders) recorder.push(unit);
    for (const recorder of waitFor) await recorder.settled();
    const now = Math.floor((unit.utc - T0) / 1000);
    if (now > told) await at((told = now));
  }
}

const rowsOf = async (camera: number) => storage.call('segmentsInRange', { camera, from: utcMs(0), to: utcMs(T0 + 1e9) });
const gapsOf = async (camera: number) => storage.call('gaps', { camera, from: utcMs(T0), to: utcMs(T0 + 1e9) });

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
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
const mountable = canMount();

describe.skipIf(!mountable)('a disk of its own (needs root to mount)', () => {
  it('that is disconnected is never taken for an empty one, and takes recordings again when it is back', async () => {
    const platter = join(base, 'platter');
    mkdirSync(platter);
    const connect = () => execFileSync('mount', ['--bind', platter, second]);
    connect();
    mounted.push(second);
    const { key } = await folders.add(second);
    const recorder = await recorderFor('cam-aaaaaaaa', key);
    const returned: string[] = [];
    folders.start((folder) => (returned.push(folder.root), Promise.resolve()));
    await feed(75, async (now) => {
      if (now === 15) execFileSync('umount', ['-l', second]);
      if (now === 45) {
        expect(readdirSync(second)).toEqual([]);
        expect(folders.conditions).toMatchObject([{ state: 'ok' }, { state: 'missing', text: expect.stringContaining(second) as unknown }]);
        expect(folders.root(key)).toBeNull();
        const report = await repairIndex({ storage, register: new Register(storage), folders, log: silentLog });
        expect(report).toMatchObject({ lost: 0, unknownFolders: [second] });
        expect(readdirSync(second)).toEqual([]);
        await expect(folders.add(second)).rejects.toMatchObject({ code: 'disk-missing' });
        connect();
      }
    });
    expect(recorder.recording).toBe(true);
    await recorder.close();
    const used = (await rowsOf(1)).map(({ folder }) => folder);
    expect(used.slice(0, 2)).toEqual([key, key]);
    expect(used).toContain(0);
    expect(used.at(-1)).toBe(key);
    expect(returned).toEqual([second]);
    // What was under way when it went is missing, no more: it went on in the data folder with the next keyframe.
    for (const { start, end, reason } of (await gapsOf(1)).filter((gap) => gap.reason !== 'connecting')) {
      expect(reason).toBe('disk-missing');
      expect((end ?? 0) - start).toBeLessThan(5_000);
    }
  });

  it('that fills sends its camera elsewhere at once, and has it back when there is space', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', second]);
    mounted.push(second);
    const { key } = await folders.add(second);
    const recorder = await recorderFor('cam-aaaaaaaa', key);
    const states = new Set<string>();
    folders.start(async () => {});
    await feed(110, (now) => {
      states.add(folders.conditions[1]?.state ?? '');
      if (now === 75) execFileSync('mount', ['-o', 'remount,size=64m', second]);
    });
    expect(states).toEqual(new Set(['ok', 'full']));
    await recorder.close();
    const used = (await rowsOf(1)).map(({ folder }) => folder);
    expect([used[0], used.includes(0), used.at(-1)]).toEqual([key, true, key]);
    const lost = (await gapsOf(1)).filter(({ reason }) => reason === 'disk-full');
    // Nothing, or what had not been written and up to the next keyframe.
    for (const { start, end } of lost) expect((end ?? 0) - start).toBeLessThan(5_000);
  });

  it('that can only be read any more is told as that; its recordings can be played', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', second]);
    mounted.push(second);
    const { key } = await folders.add(second);
    const recorder = await recorderFor('cam-aaaaaaaa', key);
    folders.start(async () => {});
    await feed(60, async (now) => {
      // What is open for writing keeps a disk from being read-only, unless its file system gives up by itself.
      if (now === 12) await recorder.settled();
      if (now === 25) {
        await recorder.close();
        recorders.splice(0);
        execFileSync('mount', ['-o', 'remount,ro', second]);
        const next = await recorderFor('cam-bbbbbbbb', key);
        expect(next.recording).toBe(false);
      }
      if (now === 40) {
        expect(folders.conditions[1]).toMatchObject({ state: 'read-only' });
        expect(folders.root(key)).toBe(second);
        execFileSync('mount', ['-o', 'remount,rw', second]);
      }
    });
    await recorders[0]?.close();
    const used = (await rowsOf(2)).map(({ folder }) => folder);
    expect(used[0]).toBe(0);
    expect(used.at(-1)).toBe(key);
  });
});

describe('a disk that answers with errors', () => {
  it('is left for another folder, tried again with a file of our own, and used again when it works', async () => {
    const { key } = await folders.add(second);
    let failing = false;
    let probes = 0;
    disk = {
      ...nodeDisk,
      async open(path, as) {
        if (failing && path.startsWith(second)) {
          if (path.includes('keyhole-probe')) probes += 1;
          throw Object.assign(new Error('i/o error, open'), { code: 'EIO' });
        }
        return nodeDisk.open(path, as);
      },
    };
    const recorder = await recorderFor('cam-aaaaaaaa', key);
    folders.start(async () => {});
    await feed(150, (now) => {
      if (now === 5) failing = true;
      if (now === 40) expect(folders.conditions[1]).toMatchObject({ state: 'failed', text: expect.stringContaining('EIO') as unknown });
      if (now === 60) failing = false;
    });
    await recorder.close();
    expect(probes).toBeGreaterThan(0);
    const used = (await rowsOf(1)).map(({ folder }) => folder);
    expect([used[0], used.includes(0), used.at(-1)]).toEqual([key, true, key]);
    expect(existsSync(join(second, 'recordings', 'keyhole-probe'))).toBe(false);
  });
});

describe('a disk that hangs', () => {
  it('is given up after ten seconds; other cameras do not notice, and few threads are held', async () => {
    const { key } = await folders.add(second);
    let hanging: (() => void)[] | null = null;
    let held = 0;
    const wait = () => new Promise<void>((resolve) => hanging?.push(resolve));
    disk = {
      ...nodeDisk,
      async open(path, as) {
        const file = await nodeDisk.open(path, as);
        if (!path.startsWith(second)) return file;
        return {
          ...file,
          async writev(parts, position) {
            if (hanging) {
              held += 1;
              await wait();
            }
            return file.writev(parts, position);
          },
        };
      },
    };
    const stuck = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => recorderFor(`cam-aaaaaaa${'abcdef'[n - 1]}`, key)));
    const free = await recorderFor('cam-bbbbbbbb', 0);
    folders.start(async () => {});
    await feed(
      90,
      (now) => {
        if (now === 5) hanging = [];
        if (now === 30) {
          expect(folders.conditions[1]).toMatchObject({ state: 'slow' });
          expect(held).toBeLessThanOrEqual(4);
        }
        if (now === 55) {
          const waiting = hanging ?? [];
          hanging = null;
          for (const resolve of waiting) resolve();
        }
      },
      [free],
    );
    await Promise.all(recorders.map((recorder) => recorder.close()));
    expect((await gapsOf(7)).filter(({ reason }) => reason !== 'connecting')).toEqual([]);
    for (const [index] of stuck.entries()) {
      const used = (await rowsOf(index + 1)).map(({ folder }) => folder);
      expect(used, `camera ${index + 1}`).toContain(0);
      expect(used.at(-1), `camera ${index + 1}`).toBe(key);
      expect(
        (await gapsOf(index + 1)).some(({ reason }) => reason === 'disk-slow'),
        `camera ${index + 1}`,
      ).toBe(true);
    }
  });
});

describe('the list of folders', () => {
  it('refuses what is no whole path, is not there, lies inside another, or is another Keyhole’s, with a sentence', async () => {
    await expect(folders.add('second')).rejects.toMatchObject({ code: 'bad-request' });
    await expect(folders.add(join(base, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
    mkdirSync(join(dataDir, 'inside'));
    await expect(folders.add(join(dataDir, 'inside'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(folders.add(base)).rejects.toMatchObject({ code: 'conflict' });
    mkdirSync(join(second, 'recordings'));
    writeFileSync(join(second, 'recordings', 'keyhole-recordings.json'), JSON.stringify({ id: 'somebody else', folder: 3 }));
    await expect(folders.add(second)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('another Keyhole') as unknown,
    });
  });

  it('is kept, gives a folder its old key when it comes back, and never a key twice', async () => {
    const third = join(base, 'third');
    mkdirSync(third);
    expect((await folders.add(second)).key).toBe(1);
    expect((await folders.add(second)).key).toBe(1);
    await folders.remove(1);
    expect((await folders.add(third)).key).toBe(2);
    folders.close();
    folders = await openFolders();
    expect(folders.all.map(({ key, root }) => [key, root])).toEqual([
      [0, dataDir],
      [2, third],
    ]);
    expect((await folders.add(second)).key).toBe(1);
    await expect(folders.remove(0)).rejects.toMatchObject({ code: 'bad-request' });
  });
});
