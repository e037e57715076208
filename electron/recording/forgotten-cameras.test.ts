import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { Storage } from '../storage/client.ts';
import type { CameraRow, NewSegment } from '../storage/interface.ts';
import { DATABASE_COPIES, DATABASE_FILE } from '../storage/layout.ts';
import { segmentQueries } from '../storage/queries/segments.ts';
import { spanQueries } from '../storage/queries/spans.ts';
import { forgetRemoved } from './forgotten-cameras.ts';
import { collectGarbage } from './garbage.ts';
import { IndexRepair } from './repair.ts';

const T0 = Date.UTC(2026, 0, 1);
const SEGMENTS = 20_000;
const LATER = utcMs(T0 + SEGMENTS * 60_000);
const NOW = utcMs(LATER + 86_400_000);
const at = (minute: number) => utcMs(T0 + minute * 60_000);

let dataDir: string;
let storage: Storage;
let going: CameraRow;
let staying: CameraRow;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-forgotten-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  const row = { createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  going = await storage.call('addCamera', { id: 'cam-aaaaaaaa', name: 'Gone', ...row });
  staying = await storage.call('addCamera', { id: 'cam-bbbbbbbb', name: 'Stays', ...row });
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function segment({ key }: CameraRow, minute: number, more: Partial<NewSegment> = {}): NewSegment {
  const keyframes = [{ at: at(minute), offset: 700, bytes: 1_000 }];
  const times = { start: at(minute), end: at(minute + 1) };
  return { camera: key, ...times, bytes: 1_700, codec: 'avc1', keyframes, folder: 0, origin: 'live', archive: null, hash: null, ...more };
}

/** A commit each would take a minute. Every hundredth minute is missing, every tenth is in the archive, too. */
async function fill(segments: number): Promise<void> {
  await storage.close();
  const db = new Database(join(dataDir, DATABASE_FILE));
  const { insertSegment } = segmentQueries(db, spanQueries(db));
  db.transaction(() => {
    for (let i = 0; i < segments; i++) {
      if (i % 100 > 0) insertSegment(segment(going, i, { archive: i % 10 === 0 ? 1 : null }));
      else
        db.prepare("INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, 'session-lost', '')").run(
          going.key,
          at(i),
          at(i + 1),
        );
    }
  })();
  db.close();
  storage = await Storage.open({ dataDir, log: silentLog });
}

const remove = () => storage.call('removeCamera', { id: going.id, at: NOW, forgetRecordings: true });

/** Rows of the camera in all tables that name cameras by their keys. */
async function leftInDatabase(): Promise<Record<string, number>> {
  await storage.close();
  const db = new Database(join(dataDir, DATABASE_FILE), { readonly: true });
  const tables = db
    .prepare(
      `SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT IN ('segment_total', 'archive_total')
       AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'camera' AND type = 'INTEGER')`,
    )
    .all() as { name: string }[];
  const counts = tables.map(({ name }) => [
    name,
    db.prepare(`SELECT count(*) FROM ${name} WHERE camera = ?`).pluck().get(going.key) as number,
  ]);
  db.close();
  storage = await Storage.open({ dataDir, log: silentLog });
  return Object.fromEntries(counts.filter(([, count]) => count !== 0)) as Record<string, number>;
}

describe('a camera that was removed with its recordings', () => {
  it('is gone at once, and leaves the index in steps, between which others are answered', async () => {
    await fill(SEGMENTS);
    await storage.call('insertSegment', segment(staying, 0));
    await storage.call('addProtected', { camera: going.key, start: at(5), end: at(9), until: null, kind: 'bookmark', text: '' });
    expect(await remove()).toBe(true);
    expect(await storage.call('camera', { id: going.id })).toBeNull();
    expect(await storage.call('cameras', { removed: true })).toMatchObject([{ id: staying.id }]);
    expect(await storage.call('updateCamera', { id: going.id, name: 'Back' })).toBe(false);
    expect(await remove()).toBe(false);
    expect(await storage.call('protectedRanges', {})).toEqual([]);
    expect(await storage.call('garbage', {})).toEqual([{ folder: 0, path: 'recordings/cam-aaaaaaaa' }]);
    // What is left of it is no business of retention: it would be asked for a proof, and a reason.
    const kept = { now: NOW, events: [] };
    expect((await storage.call('oldestInFolder', { folder: 0, after: null, before: NOW, kept, limit: 5 })).rows).toMatchObject([
      { camera: staying.key },
    ]);
    expect(await storage.call('inFolder', { folder: 0, limit: 5 })).toMatchObject([{ camera: staying.key }]);

    const steps: number[] = [];
    let done = false;
    const work = forgetRemoved({
      storage,
      log: silentLog,
      pause: () => Promise.resolve(),
      stopped: () => false,
      forgot: (segments) => steps.push(segments),
    }).then(() => (done = true));
    for (let minute = 1; minute <= 20; minute++) await storage.call('insertSegment', segment(staying, minute));
    expect(done).toBe(false);
    await work;
    expect(steps.length).toBeGreaterThan(SEGMENTS / 250);
    expect(Math.max(...steps)).toBeLessThanOrEqual(200);
    expect(steps.reduce((sum, step) => sum + step, 0)).toBe(SEGMENTS * 0.99);
    expect(await storage.call('totals', {})).toEqual({ segments: 21, bytes: 21 * 1_700 });
    expect(await storage.call('totalsHold', {})).toBe(true);
    expect((await storage.call('archiveGarbage', { archive: 1, limit: 10_000 })).length).toBe(SEGMENTS * 0.09);
    expect(await leftInDatabase()).toEqual({});
    expect(await storage.call('setting', { key: 'camera.forgetting.cam-aaaaaaaa' })).toBeNull();
  }, 60_000);

  it('goes on after a crash in between, also with a database that was lost meanwhile', async () => {
    await fill(2_000);
    await remove();
    let steps = 0;
    const some = (limit: number) =>
      forgetRemoved({ storage, log: silentLog, pause: () => Promise.resolve(), stopped: () => steps++ >= limit, forgot: () => {} });
    await some(4);
    await storage.close();
    storage = await Storage.open({ dataDir, log: silentLog });
    expect(await storage.call('camera', { id: going.id })).toBeNull();
    expect(await storage.call('totals', {})).toMatchObject({ segments: 1_980 - 800 });
    // A copy of a day before has all of its rows.
    await storage.close();
    const [copy = ''] = DATABASE_COPIES;
    const db = new Database(join(dataDir, DATABASE_FILE));
    db.exec(`VACUUM INTO '${join(dataDir, copy)}'`);
    db.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, DATABASE_FILE + suffix), { force: true });
    storage = await Storage.open({ dataDir, log: silentLog });
    expect(await storage.call('cameras', { removed: true })).toMatchObject([{ id: staying.id }]);
    expect(await storage.call('totals', {})).toMatchObject({ segments: 1_980 - 800 });
    await some(1_000);
    expect(await storage.call('totals', {})).toEqual({ segments: 0, bytes: 0 });
    expect(await leftInDatabase()).toEqual({});
  }, 30_000);
});

describe("a removed camera's files", () => {
  const folder = () => join(dataDir, 'recordings', going.id, '2026-01-01');
  const garbage = (more: object) => collectGarbage({ ...recordingParts(storage, dataDir), log: silentLog, ...more });

  beforeEach(async () => {
    mkdirSync(folder(), { recursive: true });
    for (let i = 0; i < 200; i++) writeFileSync(join(folder(), `${at(i)}.mp4`), 'x');
    await remove();
  });

  it('are not waited for by what ends meanwhile: the note stays for the next time', async () => {
    let batches = 0;
    const pause = () => Promise.resolve(void (batches += 1));
    expect(await garbage({ pause, stopped: () => batches >= 2 })).toBe(0);
    expect(readdirSync(folder())).toHaveLength(100);
    expect(await storage.call('garbage', {})).toHaveLength(1);
    expect(await garbage({ pause })).toBe(1);
    expect(readdirSync(join(dataDir, 'recordings'))).not.toContain(going.id);
    expect(await storage.call('garbage', {})).toEqual([]);
  });

  it('are not waited for by recorders that are to start', async () => {
    const repair = new IndexRepair({ ...recordingParts(storage, dataDir), log: silentLog, busy: () => false });
    await repair.before();
    expect(readdirSync(folder())).toHaveLength(200);
    expect(await storage.call('garbage', {})).toHaveLength(1);
  });

  it('are not listed by a comparison of index and disk that began before', async () => {
    const calls: string[] = [];
    const row = { id: 'cam-cccccccc', name: 'Goes', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
    const third = await storage.call('addCamera', row);
    await storage.call('insertSegment', segment(third, 0));
    let removed = true;
    const call: Storage['call'] = async (name, args) => {
      calls.push(name);
      const reply = await storage.call(name, args);
      if (name === 'cameras' && !removed) {
        removed = true;
        await storage.call('removeCamera', { id: third.id, at: NOW, forgetRecordings: true });
        calls.length = 0;
      }
      return reply;
    };
    const repair = new IndexRepair({
      ...recordingParts(storage, dataDir),
      storage: { call, report: storage.report },
      log: silentLog,
      busy: () => false,
    });
    await repair.before();
    removed = false;
    await repair.rest();
    expect(calls).toContain('camera');
    expect(calls).not.toContain('loseSegments');
  });
});
