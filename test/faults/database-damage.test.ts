import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { Storage } from '../../electron/storage/client.ts';
import { DatabaseCopies } from '../../electron/storage/copies.ts';
import type { NewSegment } from '../../electron/storage/interface.ts';
import { seededRandom } from '../fakes/seeded-random.ts';

/* SQLite's file as failing disks and power cuts leave it: pages overwritten anywhere, the journal torn. */

const SEED = Number(process.env['KEYHOLE_SEED'] ?? 20261128);
const DAMAGES = Number(process.env['KEYHOLE_DAMAGES'] ?? 40);
const T0 = Date.UTC(2026, 10, 1);
const MINUTES = 3_000;
const PAGE = 4_096;
const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let dataDir: string;
const path = (suffix = '') => join(dataDir, `keyhole.db${suffix}`);

beforeEach(() => {
  dataDir = mkdtempSync(join(ROOM, 'keyhole-damage-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const open = () => Storage.open({ dataDir, log: silentLog });

function segment(camera: number, minute: number, archive: number | null = null): NewSegment {
  const start = utcMs(T0 + minute * 60_000);
  const keyframes = Array.from({ length: 30 }, (_, i) => ({ at: utcMs(start + i * 2_000), offset: 700 + i * 9_000, bytes: 9_000 }));
  const row = { camera, start, end: utcMs(start + 59_000), bytes: 270_700, codec: 'avc1', keyframes, hash: null };
  return { ...row, folder: archive === null ? 0 : null, origin: 'live', archive };
}

/** Two cameras, their segments (some in the archive alone), reasons of gaps, a run. Returns what is asked for again. */
async function fill(): Promise<void> {
  const storage = await open();
  for (const id of ['cam-aaaaaaaa', 'cam-bbbbbbbb']) {
    const row = { id, name: id, createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([7, 8, 9]) };
    const { key: camera } = await storage.call('addCamera', row);
    for (let minute = 0; minute < MINUTES; minute += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => storage.call('insertSegment', segment(camera, minute + i, minute === 0 ? 1 : null))),
      );
    for (let gap = 0; gap < 200; gap++) {
      const start = utcMs(T0 - 86_400_000 + gap * 100_000);
      const [reason, text] =
        gap % 2 === 0 ? (['schedule', 'It was not to be recorded.'] as const) : (['disk-full', `full ${gap}`] as const);
      await storage.call('addGap', { camera, start, end: utcMs(start + 30_000), reason, text });
    }
  }
  const run = await storage.call('beginRun', { at: utcMs(T0) });
  await storage.call('touchRun', { run, at: utcMs(T0 + 86_400_000) });
  await storage.close();
}

async function contents() {
  const storage = await open();
  try {
    const everything = { from: utcMs(0), to: utcMs(Number.MAX_SAFE_INTEGER) };
    const cameras = await storage.call('cameras', {});
    return {
      report: storage.report,
      cameras: cameras.map(({ id, source }) => [id, [...source]]),
      gaps: (await Promise.all(cameras.map(({ key }) => storage.call('gaps', { camera: key, ...everything })))).flat(),
      segments: (await Promise.all(cameras.map(({ key }) => storage.call('segmentFiles', { camera: key, ...everything })))).flat(),
      runs: await storage.call('runs', everything),
    };
  } finally {
    await storage.close();
  }
}

/** Overwrites half a page, as a failing disk does. */
function damage(page: number): void {
  const file = openSync(path(), 'r+');
  writeSync(file, new Uint8Array(PAGE / 2).fill(0xa5), 0, PAGE / 2, page * PAGE);
  closeSync(file);
}

function rootOf(name: string): number {
  const db = new DatabaseSync(path(), { readOnly: true });
  const { rootpage } = db.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').get(name) as { rootpage: number };
  db.close();
  return rootpage - 1;
}

function restoreFrom(saved: string): void {
  for (const suffix of ['-wal', '-shm', '.check']) rmSync(path(suffix), { force: true });
  copyFileSync(saved, path());
}

describe('a damaged page', () => {
  it(`of ${DAMAGES} at random, with a copy: nothing is lost but what was deleted since`, { timeout: 300_000 }, async () => {
    await fill();
    const before = await contents();
    await new DatabaseCopies({ dataDir, clock: systemClock, log: silentLog, onFailure: () => {} }).copy();
    const saved = path('.saved');
    copyFileSync(path(), saved);
    const pages = statSync(saved).size / PAGE;
    const random = seededRandom(SEED);
    let noticed = 0;
    for (let n = 0; n < DAMAGES; n++) {
      restoreFrom(saved);
      const page = n === 0 ? 0 : Math.floor(random() * pages);
      damage(page);
      const after = await contents();
      if (after.report.setAside !== null) noticed += 1;
      expect({ ...after, report: null }, `seed ${SEED}, page ${page}`).toEqual({ ...before, report: null });
    }
    // The rest hit pages that hold nothing (freed ones).
    expect(noticed).toBeGreaterThan(DAMAGES / 2);
  });

  it(
    'of each table, without a copy: cameras, reasons and what the archive alone has come from the remains',
    { timeout: 300_000 },
    async () => {
      await fill();
      const before = await contents();
      const saved = path('.saved');
      copyFileSync(path(), saved);
      for (const name of ['segment', 'keyframes', 'span', 'gap', 'gap_by_camera', 'camera', 'setting', 'run', 'segment_total', 'codec']) {
        restoreFrom(saved);
        damage(rootOf(name));
        const after = await contents();
        expect(after.report.setAside, name).toMatch(/broken/);
        expect(after.cameras, name).toEqual(before.cameras);
        // The root of a table is the way to all of it; what only the archive has is read by way of three.
        if (name !== 'gap') expect(after.gaps.length, name).toBe(before.gaps.length);
        if (!['segment', 'keyframes', 'codec'].includes(name))
          expect(after.segments.filter(({ archived }) => archived).length, name).toBe(
            before.segments.filter(({ archived }) => archived).length,
          );
        if (!['gap', 'run', 'gap_by_camera'].includes(name)) expect(after.report.ledgerLostFrom, name).toBeNull();
        if (name === 'gap' || name === 'run') expect(after.report.ledgerLostFrom, name).toBe(0);
      }
    },
  );

  it('that no query has met is found by the daily check, and the damaged database is not copied', async () => {
    await fill();
    damage(rootOf('keyframes'));
    const copies = new DatabaseCopies({ dataDir, clock: systemClock, log: silentLog, onFailure: () => {} });
    await expect(copies.copy()).rejects.toMatchObject({ code: 'database-corrupt' });
    expect(existsSync(path('.copy'))).toBe(false);
    // The next start looks at all of it.
    expect(existsSync(path('.check'))).toBe(true);
    expect((await contents()).report.setAside).toMatch(/broken/);
  });

  it('of the newest copy, too: the one before it is taken', async () => {
    await fill();
    const before = await contents();
    const copies = new DatabaseCopies({ dataDir, clock: systemClock, log: silentLog, onFailure: () => {} });
    await copies.copy();
    await copies.copy();
    writeFileSync(path('.copy'), 'no database');
    writeFileSync(path(), 'no database either, and longer than a header of a hundred bytes'.repeat(9));
    for (const suffix of ['-wal', '-shm']) rmSync(path(suffix), { force: true });
    const after = await contents();
    expect(after.segments).toEqual(before.segments);
    expect(after.gaps).toEqual(before.gaps);
    expect(after.report.ledgerLostFrom).toBeGreaterThan(0);
  });
});

describe('a journal', () => {
  it('torn by a power cut holds every commit that returned, and of the one under way all or nothing', { timeout: 300_000 }, async () => {
    const storage = await open();
    const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
    const { key: camera } = await storage.call('addCamera', row);
    const states: { readonly db: Buffer; readonly wal: Buffer }[] = [];
    for (let minute = 0; minute < 60; minute++) {
      await storage.call('insertSegment', segment(camera, minute));
      states.push({ db: readFileSync(path()), wal: readFileSync(path('-wal')) });
    }
    await storage.close();
    const random = seededRandom(SEED);
    for (let n = 0; n < DAMAGES; n++) {
      const i = Math.floor(random() * (states.length - 1));
      const [now, next] = [states[i], states[i + 1]];
      if (!now || !next) throw new Error('no state');
      for (const suffix of ['-wal', '-shm']) rmSync(path(suffix), { force: true });
      writeFileSync(path(), now.db);
      writeFileSync(path('-wal'), torn(now.wal, next.wal, random));
      const { segments, report } = await contents();
      expect(report.setAside).toBeNull();
      expect([i + 1, i + 2], `seed ${SEED}, commit ${i}`).toContain(segments.length);
    }
  });
});

/** What was synced, and of what was being written behind it any sectors, up to any length. */
function torn(synced: Buffer, written: Buffer, random: () => number): Buffer {
  const length = Math.max(synced.length, synced.length + Math.floor(random() * (written.length - synced.length + 1)));
  const left = Buffer.alloc(length);
  synced.copy(left);
  for (let at = synced.length; at < length; at += 512) if (random() < 0.7) written.copy(left, at, at, Math.min(at + 512, length));
  return left;
}
