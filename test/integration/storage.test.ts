import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { createLog, silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Storage } from '../../electron/storage/client.ts';
import { LATEST_VERSION, MIGRATIONS } from '../../electron/storage/migrations/migrate.ts';
import { clipUnits } from './recording-clip.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

/* The database and the disk when they misbehave. Nothing is faked but the clock: real files, a real tmpfs, real processes. */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-data-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const open = () => Storage.open({ dataDir, log: silentLog });
const newCamera = (id: string) => ({ id, name: id, createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([7, 8, 9]) });
const noRemux = () => {
  throw new Error('these units come with their fragments');
};

/** Whether a tmpfs can be mounted here: needs root. */
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

describe('a data folder', () => {
  it('that cannot be written is named, with what to do', async () => {
    writeFileSync(join(dataDir, 'file'), '');
    await expect(Storage.open({ dataDir: join(dataDir, 'file', 'data'), log: silentLog })).rejects.toMatchObject({
      code: 'data-unwritable',
      message: expect.stringContaining(join(dataDir, 'file', 'data')) as unknown,
    });
  });

  it.skipIf(!mountable)('that is mounted read-only is named too (needs root to mount a tmpfs)', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', dataDir]);
    try {
      await expect(open()).rejects.toMatchObject({ code: 'data-unwritable' });
    } finally {
      execFileSync('umount', [dataDir]);
    }
  });

  it('is used by one process at a time, and free again the moment that one is killed', async () => {
    const script = `
      import { Storage } from '${join(process.cwd(), 'electron/storage/client.ts')}';
      import { silentLog } from '${join(process.cwd(), 'electron/base/log.ts')}';
      await Storage.open({ dataDir: ${JSON.stringify(dataDir)}, log: silentLog });
      console.log('open');
      setInterval(() => {}, 1000);`;
    // A file and not `-e`: a worker inherits that flag and refuses to start.
    const file = join(dataDir, 'holder.mjs');
    writeFileSync(file, script);
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await expect(open()).rejects.toMatchObject({ code: 'data-in-use', message: expect.stringContaining(dataDir) as unknown });
    const readOnly = await Storage.open({ dataDir, log: silentLog, readOnly: true });
    expect(await readOnly.call('cameras', {})).toEqual([]);
    await expect(readOnly.call('addCamera', newCamera('cam-aaaaaaaa'))).rejects.toMatchObject({ code: 'data-unwritable' });
    await readOnly.close();
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    await (await open()).close();
  });

  it('of a newer Keyhole is left untouched', async () => {
    await (await open()).close();
    const db = new DatabaseSync(join(dataDir, 'keyhole.db'));
    db.exec(`PRAGMA user_version = ${LATEST_VERSION + 4}`);
    db.close();
    await expect(open()).rejects.toMatchObject({
      code: 'database-newer',
      message: expect.stringMatching(new RegExp(`format ${LATEST_VERSION + 4}.*up to ${LATEST_VERSION}\\b`)) as unknown,
    });
    expect(readdirSync(dataDir).filter((name) => name.includes('broken'))).toEqual([]);
  });
});

describe('migrations', () => {
  it.each(MIGRATIONS.map((_, version) => version))('from version %i reach the latest, and what was stored stays', async (version) => {
    const db = new DatabaseSync(join(dataDir, 'keyhole.db'));
    for (const step of MIGRATIONS.slice(0, version)) db.exec(step);
    db.exec(`PRAGMA user_version = ${version}`);
    if (version > 0) db.exec("INSERT INTO setting (key, value) VALUES ('kept', 'yes')");
    db.close();
    const storage = await open();
    expect(storage.report.version).toBe(LATEST_VERSION);
    expect(await storage.call('setting', { key: 'kept' })).toBe(version > 0 ? 'yes' : null);
    await storage.close();
    const after = new DatabaseSync(join(dataDir, 'keyhole.db'));
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: LATEST_VERSION });
    after.close();
  });

  it('that fail half way leave the old version whole', async () => {
    const db = new DatabaseSync(join(dataDir, 'keyhole.db'));
    db.exec('CREATE TABLE gap (other TEXT)');
    db.close();
    await expect(open()).rejects.toMatchObject({ code: 'internal' });
    const after = new DatabaseSync(join(dataDir, 'keyhole.db'));
    expect(after.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()).toEqual([{ name: 'gap' }]);
    after.close();
  });
});

/** Records `seconds` of the clip for each camera, closes everything. */
async function record(ids: readonly string[], seconds: number): Promise<void> {
  const storage = await open();
  const clock = new SimulatedClock(T0);
  const runs = new RunPeriods({ storage, clock, log: silentLog });
  await runs.start();
  for (const id of ids) {
    const camera = await storage.call('addCamera', newCamera(id));
    const recorder = new Recorder({ camera, ...recordingParts(storage, dataDir), clock, log: silentLog, remux: noRemux });
    for (const unit of clipUnits({ start: T0, lengthMs: seconds * 1000 })) recorder.push(unit);
    await recorder.close();
  }
  await clock.advance(seconds * 1000);
  await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog });
  await runs.close();
  await storage.close();
}

const segmentFiles = () => (readdirSync(dataDir, { recursive: true }) as string[]).filter((name) => name.endsWith('.mp4')).length;

describe('a damaged database', () => {
  /** Overwrites the first bytes of a page, as a failing disk does. */
  function damage(page: number): void {
    const file = openSync(join(dataDir, 'keyhole.db'), 'r+');
    writeSync(file, new Uint8Array(512).fill(0xa5), 0, 512, (page - 1) * 4096);
    closeSync(file);
  }

  async function expectRebuilt(): Promise<void> {
    const lines: string[] = [];
    const storage = await Storage.open({ dataDir, log: createLog('test', { write: (line) => lines.push(line) }) });
    try {
      const { setAside } = storage.report;
      expect(setAside).toMatch(/^keyhole\.db\.broken-/);
      expect(existsSync(join(dataDir, setAside ?? ''))).toBe(true);
      expect(lines.join()).toContain('damaged');
      expect((await storage.call('cameras', {})).map(({ id, source }) => [id, [...source]])).toEqual([
        ['cam-aaaaaaaa', [7, 8, 9]],
        ['cam-bbbbbbbb', [7, 8, 9]],
      ]);
      expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({
        added: segmentFiles(),
        lost: 0,
        unknownFolders: [],
      });
      const playback = new Playback({ ...recordingParts(storage, dataDir), clock: new SimulatedClock(T0 + 200_000), unlisted: () => [] });
      for (const camera of ['cam-aaaaaaaa', 'cam-bbbbbbbb']) {
        const { spans, coverage } = await playback.recordings({ camera, from: utcMs(T0), to: utcMs(T0 + 150_000) });
        expect(spans).toEqual([{ from: T0, to: T0 + 150_000 }]);
        expect(coverage).toBe(1);
        expect((await playback.gop({ camera, at: utcMs(T0 + 100_000) })).value.kind).toBe('gop');
      }
    } finally {
      await storage.close();
    }
  }

  it('is set aside whichever page is hit, and rebuilt from the files; the cameras stay', async () => {
    await record(['cam-aaaaaaaa', 'cam-bbbbbbbb'], 150);
    const saved = join(dataDir, 'saved.db');
    execFileSync('cp', [join(dataDir, 'keyhole.db'), saved]);
    const pages = statSync(saved).size / 4096;
    expect(pages).toBeGreaterThan(10);
    for (const page of [1, 2, 3, 4, 5, 6, Math.floor(pages / 2), pages]) {
      execFileSync('cp', [saved, join(dataDir, 'keyhole.db')]);
      for (const suffix of ['-wal', '-shm']) rmSync(join(dataDir, `keyhole.db${suffix}`), { force: true });
      damage(page);
      await expectRebuilt();
    }
  });

  it('that is no database at all, or is gone, costs no camera either', async () => {
    await record(['cam-aaaaaaaa', 'cam-bbbbbbbb'], 150);
    writeFileSync(join(dataDir, 'keyhole.db'), 'this is not a database, but it is long enough to be looked at'.repeat(100));
    await expectRebuilt();
    rmSync(join(dataDir, 'keyhole.db'));
    const storage = await open();
    expect(await storage.call('cameras', {})).toHaveLength(2);
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({ added: segmentFiles() });
    await storage.close();
  });

  it('that breaks while in use is told, and checked at the next start', async () => {
    await record(['cam-aaaaaaaa', 'cam-bbbbbbbb'], 150);
    const db = new DatabaseSync(join(dataDir, 'keyhole.db'));
    const { rootpage } = db.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'keyframes'").get() as { rootpage: number };
    db.close();
    const storage = await open();
    const failures: string[] = [];
    storage.onFailure.on((error) => failures.push(error.code));
    damage(rootpage);
    // Another connection's commit makes SQLite drop the pages that it holds in memory.
    const other = new DatabaseSync(join(dataDir, 'keyhole.db'));
    other.exec("INSERT INTO setting (key, value) VALUES ('other', 'x')");
    other.close();
    await expect(storage.call('locate', { camera: 1, at: utcMs(T0 + 1000) })).rejects.toMatchObject({ code: 'database-corrupt' });
    expect(failures).toEqual(['database-corrupt']);
    await storage.close();
    expect(existsSync(join(dataDir, 'keyhole.db.check'))).toBe(true);
    await expectRebuilt();
    expect(existsSync(join(dataDir, 'keyhole.db.check'))).toBe(false);
  });
});

describe.skipIf(!mountable)('a full disk (needs root to mount a tmpfs)', () => {
  let storage: Storage;
  let clock: SimulatedClock;
  let runs: RunPeriods;
  const recorders: Recorder[] = [];
  const mounted: string[] = [];

  beforeEach(async () => {
    storage = await open();
    clock = new SimulatedClock(T0);
    runs = new RunPeriods({ storage, clock, log: silentLog });
    await runs.start();
  });

  afterEach(async () => {
    for (const recorder of recorders.splice(0)) await recorder.close();
    await runs.close();
    await storage.close();
    for (const path of mounted.splice(0)) execFileSync('umount', [path]);
  });

  async function recorderFor(id: string): Promise<Recorder> {
    const camera = await storage.call('addCamera', newCamera(id));
    const recorder = new Recorder({ camera, ...recordingParts(storage, dataDir), clock, log: silentLog, remux: noRemux, headroomBytes: 0 });
    recorder.sourceStatus({ state: 'live', reason: null });
    recorders.push(recorder);
    return recorder;
  }

  it('stops one camera cleanly while the others go on, and it records again when there is space', async () => {
    const small = join(dataDir, 'recordings', 'cam-aaaaaaaa');
    mkdirSync(small, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    mounted.push(small);
    const full = await recorderFor('cam-aaaaaaaa');
    const roomy = await recorderFor('cam-bbbbbbbb');
    let freed = false;
    for (const unit of clipUnits({ start: T0, lengthMs: 100_000 })) {
      if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
      full.push(unit);
      roomy.push(unit);
      await Promise.all([full.settled(), roomy.settled()]);
      if (!freed && unit.utc >= T0 + 70_000) {
        expect(full.reason).toMatchObject({ reason: 'disk-full', text: expect.stringContaining('cam-aaaaaaaa') as unknown });
        execFileSync('mount', ['-o', 'remount,size=16m', small]);
        freed = true;
      }
    }
    expect(full.recording).toBe(true);
    await Promise.all([full.close(), roomy.close()]);
    const playback = new Playback({ ...recordingParts(storage, dataDir), clock, unlisted: () => [] });
    const range = { from: utcMs(T0), to: utcMs(T0 + 99_000) };
    expect(await playback.recordings({ camera: 'cam-bbbbbbbb', ...range })).toMatchObject({ coverage: 1, gaps: [] });
    const { spans, gaps } = await playback.recordings({ camera: 'cam-aaaaaaaa', ...range });
    expect(gaps).toMatchObject([{ reason: 'disk-full' }]);
    expect(spans).toHaveLength(2);
    // What was written before is whole: the repair finds nothing to cut, every file plays.
    expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog, all: true })).toMatchObject({
      added: 0,
      cut: 0,
      empty: 0,
      lost: 0,
    });
    for (const segment of await playback.segments({ camera: 'cam-aaaaaaaa', ...range })) {
      const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', join(dataDir, segment.file), '-f', 'null', '-'], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      expect(errors).toBe('');
    }
  });

  it('of which a share is kept free leaves the database working', async () => {
    const small = join(dataDir, 'recordings');
    mkdirSync(small, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    mounted.push(small);
    const camera = await storage.call('addCamera', newCamera('cam-aaaaaaaa'));
    const recorder = new Recorder({
      camera,
      ...recordingParts(storage, dataDir),
      clock,
      log: silentLog,
      remux: noRemux,
      headroomBytes: 7 * 1024 * 1024,
    });
    recorders.push(recorder);
    recorder.sourceStatus({ state: 'live', reason: null });
    for (const unit of clipUnits({ start: T0, lengthMs: 70_000 })) {
      if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
      recorder.push(unit);
      await recorder.settled();
    }
    expect(recorder.reason?.reason).toBe('disk-full');
    expect(Number(execFileSync('df', ['--output=avail', '-B1', small], { encoding: 'utf8' }).split('\n')[1])).toBeGreaterThan(
      6 * 1024 * 1024,
    );
  });

  it('or a folder that turns read-only is told as such, and recovers', async () => {
    const folder = join(dataDir, 'recordings', 'cam-aaaaaaaa');
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,ro', 'tmpfs', folder]);
    mounted.push(folder);
    const recorder = await recorderFor('cam-aaaaaaaa');
    for (const unit of clipUnits({ start: T0, lengthMs: 30_000 })) {
      if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
      recorder.push(unit);
      await recorder.settled();
      if (unit.utc === T0 + 10_000) {
        expect(recorder.reason).toMatchObject({ reason: 'disk-read-only' });
        execFileSync('mount', ['-o', 'remount,rw', folder]);
      }
    }
    expect(recorder.recording).toBe(true);
  });
});
