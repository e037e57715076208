import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { Storage } from './client.ts';
import type { NewSegment } from './interface.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (minutes: number): UtcMs => utcMs(T0 + minutes * 60_000);
const FAR = utcMs(8e15);
const ID = 'cam-abcdefgh';

let dataDir: string;
let storage: Storage;
let camera: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-archive-calls-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  camera = await addCamera(ID);
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function addCamera(id: string): Promise<number> {
  return (await storage.call('addCamera', { id, name: id, createdAt: at(0), sourceKind: 'rtsp', source: new Uint8Array([1]) })).key;
}

const segment = (minute: number, more: Partial<NewSegment> = {}): NewSegment => ({
  camera,
  start: at(minute),
  end: at(minute + 1),
  bytes: 1_000 + minute,
  codec: 'avc1.640028',
  keyframes: [{ at: at(minute), offset: 700, bytes: 300 + minute }],
  folder: 0,
  origin: 'live',
  archive: null,
  hash: null,
  ...more,
});
const insert = (minute: number, more: Partial<NewSegment> = {}) => storage.call('insertSegment', segment(minute, more));
const begin = () => storage.call('setSetting', { key: 'archive.current', value: '1' });
const next = (subBefore = FAR, cameras = [camera]) => storage.call('archiveNext', { cameras, subBefore });
const figures = (archive = 1) => storage.call('archiveFigures', { cameras: [camera], archive });
const done = (minute: number, more: { bytes?: number; archive?: number } = {}) =>
  storage.call('archiveDone', {
    camera: ID,
    key: camera,
    start: at(minute),
    origin: 'live',
    archive: more.archive ?? 1,
    bytes: more.bytes ?? 1_000 + minute,
  });
const garbage = async (archive = 1) =>
  (await storage.call('archiveGarbage', { archive, limit: 100 })).map(({ start }) => (start - T0) / 60_000);

describe('what waits for the archive', () => {
  it('is what is recorded while there is one, oldest first, of the cameras asked for', async () => {
    await insert(0);
    expect(await next()).toBeNull();
    await begin();
    const other = await addCamera('cam-bbbbbbbb');
    await insert(5);
    await insert(3);
    await insert(1, { camera: other });
    expect(await next()).toEqual({ camera, start: at(3) });
    expect(await next(FAR, [camera, other])).toEqual({ camera: other, start: at(1) });
    expect(await figures()).toEqual({ waiting: { segments: 2, bytes: 2_008 }, there: { segments: 0, bytes: 0 }, oldest: null });
  });

  it('is passed over where its folder is away, or it was tried just now', async () => {
    await begin();
    await insert(1, { folder: 2 });
    await insert(2, { folder: 3 });
    await insert(3);
    await insert(4);
    const passing = (after: [number, UtcMs][], without: number[]) =>
      storage.call('archiveNext', { cameras: [camera], subBefore: FAR, after: new Map(after), without });
    expect(await passing([], [2, 3])).toEqual({ camera, start: at(3) });
    expect(await passing([], [2])).toEqual({ camera, start: at(2) });
    expect(await passing([[camera, at(3)]], [2, 3])).toEqual({ camera, start: at(4) });
    expect(await passing([[camera, at(4)]], [])).toBeNull();
    expect(await passing([[camera + 1, at(4)]], [])).toEqual({ camera, start: at(1) });
  });

  it('waits no more when it is there, was given up, or is deleted', async () => {
    await begin();
    for (const minute of [1, 2, 3]) await insert(minute);
    expect(await done(1)).toBe(true);
    await storage.call('archiveSkip', { camera, start: at(2) });
    await storage.call('deleteSegments', { camera, starts: [at(3)], because: null });
    expect(await next()).toBeNull();
    expect(await figures()).toEqual({ waiting: { segments: 0, bytes: 0 }, there: { segments: 1, bytes: 1_001 }, oldest: at(1) });
  });

  it('includes what was there before, newest first, when asked for, a few at a time', async () => {
    for (let minute = 0; minute < 5; minute++) await insert(minute);
    await insert(7, { archive: 1, folder: null });
    await begin();
    const first = await storage.call('archiveBackfill', { camera, from: at(1), before: FAR, limit: 3 });
    expect(first).toEqual({ bytes: 1_004 + 1_003, before: at(3) });
    const rest = await storage.call('archiveBackfill', { camera, from: at(1), before: first.before ?? FAR, limit: 3 });
    expect(rest).toEqual({ bytes: 1_001 + 1_002, before: null });
    expect((await figures()).waiting.segments).toBe(4);
    expect(await storage.call('archiveForgetWaiting', {})).toBe(4);
    expect((await figures()).waiting).toEqual({ segments: 0, bytes: 0 });
  });

  it('leaves the small picture out while it may still be replaced', async () => {
    await begin();
    await insert(1, { origin: 'sub' });
    await insert(2);
    expect(await next(at(1))).toEqual({ camera, start: at(2) });
    expect(await next(at(2))).toEqual({ camera, start: at(1) });
  });
});

describe('objects of the archive', () => {
  it('are garbage when their row goes, whoever deletes it', async () => {
    await begin();
    for (let minute = 1; minute <= 4; minute++) {
      await insert(minute);
      expect(await done(minute)).toBe(true);
    }
    await storage.call('deleteSegments', { camera, starts: [at(1)], because: null });
    await storage.call('removeSegments', { camera, from: at(2), to: at(3) });
    expect(await garbage()).toEqual([1, 2]);
    await storage.call('removeCamera', { id: ID, at: at(9), forgetRecordings: true });
    expect(await storage.call('archiveOldest', { archive: 1, before: FAR, now: at(9), limit: 10 })).toEqual([]);
    expect(await storage.call('forgetRemoved', { limit: 10 })).toMatchObject({ segments: 2, done: true });
    expect(await garbage()).toEqual([1, 2, 3, 4]);
    expect((await figures()).there).toEqual({ segments: 0, bytes: 0 });
    const objects = await storage.call('archiveGarbage', { archive: 1, limit: 3 });
    await storage.call('archiveDropGarbage', { archive: 1, objects });
    expect(await garbage()).toEqual([4]);
  });

  it('are garbage when they came too late, and not when a row speaks of them again', async () => {
    await begin();
    await insert(1);
    expect(await done(1, { bytes: 5 })).toBe(false);
    expect(await garbage()).toEqual([1]);
    expect(await done(1)).toBe(true);
    expect(await garbage()).toEqual([]);
    await insert(1, { archive: 1, bytes: 1_001 });
    expect(await garbage()).toEqual([]);
    expect((await figures()).there).toEqual({ segments: 1, bytes: 1_001 });
    await insert(1, { archive: null, bytes: 900, keyframes: [{ at: at(1), offset: 700, bytes: 200 }] });
    expect(await garbage()).toEqual([1]);
    expect((await figures()).waiting).toEqual({ segments: 1, bytes: 900 });
  });

  it('stay when the local file goes', async () => {
    await begin();
    await insert(1);
    await done(1);
    await storage.call('loseSegments', { camera, folder: 0, starts: [at(1)], text: 'gone' });
    expect(await garbage()).toEqual([]);
    expect(await storage.call('archived', { camera: ID, start: at(1) })).toMatchObject({ archive: 1, origin: 'live', bytes: 1_001 });
    expect(await next()).toBeNull();
  });

  it('are given up oldest first, protected ones not; a row with its file stays', async () => {
    await begin();
    for (let minute = 1; minute <= 4; minute++) {
      await insert(minute, minute === 3 ? { archive: 1, folder: null } : {});
      await done(minute);
    }
    const protect = await storage.call('archiveOldest', { archive: 1, before: at(4), now: at(100), limit: 10 });
    expect(protect.map(({ start, local }) => [(start - T0) / 60_000, local])).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ]);
    await storage.call('archiveRelease', { archive: 1, camera, starts: [at(1), at(3)] });
    expect(await garbage()).toEqual([1]);
    expect(await storage.call('archived', { camera: ID, start: at(3) })).not.toBeNull();
    expect(await storage.call('segmentsInRange', { camera, from: at(1), to: at(2) })).toMatchObject([{ archive: null, folder: 0 }]);
    // What was given up is not copied again.
    expect(await next()).toBeNull();
  });

  it('keep their figures through any order of insertion, copying, loss and deletion', async () => {
    await begin();
    const random = (n: number) => Math.floor(Math.random() * n);
    for (let step = 0; step < 400; step++) {
      const minute = random(12);
      const what = random(5);
      if (what === 0) await insert(minute, { archive: random(2) ? 1 : null });
      else if (what === 1) await done(minute);
      else if (what === 2) await storage.call('deleteSegments', { camera, starts: [at(minute)], because: null });
      else if (what === 3) await storage.call('loseSegments', { camera, folder: 0, starts: [at(minute)], text: 'gone' });
      else await storage.call('archiveRelease', { archive: 1, camera, starts: [at(minute)] });
    }
    const rows = await storage.call('segmentsInRange', { camera, from: at(-100), to: at(100) });
    const there = rows.filter(({ archive }) => archive === 1);
    expect((await figures()).there).toEqual({ segments: there.length, bytes: there.reduce((sum, { bytes }) => sum + bytes, 0) });
    const named = new Set(there.map(({ start }) => (start - T0) / 60_000));
    expect((await garbage()).filter((minute) => named.has(minute))).toEqual([]);
    const waiting = (await figures()).waiting.segments;
    let taken = 0;
    for (let waits = await next(); waits; waits = await next(), taken++) {
      expect(rows.find(({ start }) => start === waits?.start)).toMatchObject({ archive: null });
      await storage.call('archiveSkip', waits);
    }
    expect(taken).toBe(waiting);
  });
});
