import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { GapReason, Span } from '../contract/model.ts';
import { Storage } from './client.ts';
import { SPAN_TOLERANCE_MS, type NewSegment } from './interface.ts';
import { BACKUP_FILE } from './layout.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);

let dataDir: string;
let storage: Storage;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-storage-'));
  storage = await Storage.open({ dataDir, log: silentLog });
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function segment(camera: number, from: number, to: number): NewSegment {
  const keyframes = [];
  let offset = 700;
  for (let s = from; s < to; s += 2) {
    keyframes.push({ at: at(s), offset, bytes: 1000 });
    offset += 1000;
  }
  return {
    camera,
    start: at(from),
    end: at(to),
    bytes: offset,
    codec: 'avc1.64001f',
    keyframes,
    folder: 0,
    origin: 'live',
    archive: null,
    hash: null,
  };
}

const newCamera = (id: string) => ({ id, name: id, createdAt: at(0), sourceKind: 'p2p' as const, source: new Uint8Array([1, 2, 3]) });

describe('cameras', () => {
  it('are added, listed, changed and removed; keys are not reused', async () => {
    const first = await storage.call('addCamera', newCamera('cam-aaaaaaaa'));
    const second = await storage.call('addCamera', newCamera('cam-bbbbbbbb'));
    expect(first.source).toEqual(new Uint8Array([1, 2, 3]));
    await expect(storage.call('addCamera', newCamera('cam-aaaaaaaa'))).rejects.toMatchObject({ code: 'conflict' });
    expect(await storage.call('updateCamera', { id: 'cam-aaaaaaaa', name: 'Yard' })).toBe(true);
    expect(await storage.call('updateCamera', { id: 'cam-zzzzzzzz', name: 'Yard' })).toBe(false);
    expect((await storage.call('cameras', {})).map((c) => c.name)).toEqual(['Yard', 'cam-bbbbbbbb']);

    await storage.call('insertSegment', segment(second.key, 0, 60));
    await storage.call('removeCamera', { id: 'cam-bbbbbbbb', at: at(70), forgetRecordings: true });
    await expect(storage.call('addCamera', newCamera('cam-bbbbbbbb'))).rejects.toMatchObject({ code: 'conflict' });
    expect(await storage.call('forgetRemoved', { limit: 10 })).toEqual({ camera: 'cam-bbbbbbbb', segments: 1, done: true });
    await expect(storage.call('insertSegment', segment(second.key, 60, 120))).rejects.toMatchObject({ code: 'not-found' });
    await storage.call('removeCamera', { id: 'cam-aaaaaaaa', at: at(70), forgetRecordings: false });
    expect(await storage.call('cameras', {})).toEqual([]);
    expect(await storage.call('cameras', { removed: true })).toMatchObject([
      { id: 'cam-aaaaaaaa', removedAt: at(70), source: new Uint8Array() },
    ]);
    expect(await storage.call('garbage', {})).toEqual([{ folder: 0, path: 'recordings/cam-bbbbbbbb' }]);
    await storage.call('dropGarbage', { files: [{ folder: 0, path: 'recordings/cam-bbbbbbbb' }] });
    expect(await storage.call('garbage', {})).toEqual([]);
    expect(await storage.call('totals', {})).toEqual({ segments: 0, bytes: 0 });
    const third = await storage.call('addCamera', newCamera('cam-bbbbbbbb'));
    expect(third.key).toBeGreaterThan(second.key);
  });
});

describe('segments', () => {
  beforeEach(async () => {
    for (const id of ['cam-aaaaaaaa', 'cam-bbbbbbbb']) await storage.call('addCamera', newCamera(id));
  });

  it('are found by time, with their keyframes', async () => {
    for (const [from, to] of [
      [0, 60],
      [60, 120],
      [200, 260],
    ] as const)
      await storage.call('insertSegment', segment(1, from, to));
    await storage.call('insertSegment', segment(2, 0, 60));
    expect(await storage.call('locate', { camera: 1, at: at(61) })).toEqual(segment(1, 60, 120));
    expect(await storage.call('locate', { camera: 1, at: at(60) })).toMatchObject({ start: at(60) });
    expect(await storage.call('locate', { camera: 1, at: at(130) })).toBeNull();
    expect(await storage.call('locate', { camera: 3, at: at(10) })).toBeNull();
    const range = { camera: 1, from: at(59), to: at(200) };
    expect((await storage.call('segmentsInRange', range)).map((row) => row.start)).toEqual([at(0), at(60)]);
    expect(await storage.call('segmentsWithKeyframes', { ...range, limit: 1 })).toEqual([segment(1, 0, 60)]);
    expect(await storage.call('around', { camera: 1, at: at(150) })).toEqual({ previous: at(120) - 1, next: at(200) });
    expect(await storage.call('around', { camera: 1, at: at(300) })).toEqual({ previous: at(260) - 1, next: null });
    expect(await storage.call('around', { camera: 1, at: at(-5) })).toEqual({ previous: null, next: at(0) });
  });

  it('that overlap because the clock was set back: the one that began last wins', async () => {
    await storage.call('insertSegment', segment(1, 0, 60));
    await storage.call('insertSegment', segment(1, 30, 40));
    expect(await storage.call('locate', { camera: 1, at: at(35) })).toMatchObject({ start: at(30) });
    expect(await storage.call('locate', { camera: 1, at: at(45) })).toMatchObject({ start: at(0) });
  });

  it('that do not begin with a keyframe or never end are refused', async () => {
    const good = segment(1, 0, 60);
    await expect(storage.call('insertSegment', { ...good, end: good.start })).rejects.toThrow(/last 0 ms/);
    await expect(storage.call('insertSegment', { ...good, keyframes: good.keyframes.slice(1) })).rejects.toThrow(/keyframe/);
    await expect(storage.call('insertSegment', { ...good, end: utcMs(good.end + 0.5) })).rejects.toThrow(/whole/);
  });

  it('spans are what merging the segments gives, whatever was inserted, replaced and removed', async () => {
    const share = seededRandom(13);
    const random = (n: number) => Math.floor(share() * n);
    const rows = new Map<number, NewSegment>();
    for (let round = 0; round < 1_000; round++) {
      const from = random(2000);
      if (random(4) === 0) {
        const to = from + random(300);
        await storage.call('removeSegments', { camera: 1, from: at(from), to: at(to) });
        for (const start of rows.keys()) if (start >= at(from) && start < at(to)) rows.delete(start);
      } else {
        const row = segment(1, from, from + 1 + random(60));
        await storage.call('insertSegment', row);
        rows.set(row.start, row);
      }
      const expected = merge([...rows.values()]);
      expect(await storage.call('spans', { camera: 1, from: at(-100), to: at(10_000) }), `round ${round}`).toEqual(expected);
    }
    expect(rows.size).toBeGreaterThan(20);
  });

  it('spans of many hours are cut in the middle, at the front and at the end', async () => {
    for (let minute = 0; minute < 180; minute++) await storage.call('insertSegment', segment(1, minute * 60, minute * 60 + 60));
    const range = { camera: 1, from: at(-1), to: at(20_000) };
    expect(await storage.call('spans', range)).toEqual([{ from: at(0), to: at(10_800) }]);
    const cuts = [
      {
        from: 600,
        to: 660,
        spans: [
          [0, 600],
          [660, 10_800],
        ],
      },
      {
        from: 0,
        to: 60,
        spans: [
          [60, 600],
          [660, 10_800],
        ],
      },
      {
        from: 10_740,
        to: 10_800,
        spans: [
          [60, 600],
          [660, 10_740],
        ],
      },
    ];
    for (const { from, to, spans } of cuts) {
      expect(await storage.call('removeSegments', { camera: 1, from: at(from), to: at(to) })).toBe((to - from) / 60);
      expect(await storage.call('spans', range)).toEqual(spans.map(([start = 0, end = 0]) => ({ from: at(start), to: at(end) })));
    }
  });

  it('spans nearer than the tolerance are one, and are cut to the range', async () => {
    const first = segment(1, 0, 60);
    await storage.call('insertSegment', { ...first, end: utcMs(first.end - SPAN_TOLERANCE_MS) });
    await storage.call('insertSegment', segment(1, 60, 120));
    expect(await storage.call('spans', { camera: 1, from: at(10), to: at(100) })).toEqual([{ from: at(10), to: at(100) }]);
    expect(await storage.call('spans', { camera: 1, from: at(120), to: at(200) })).toEqual([]);
  });
});

function merge(rows: readonly NewSegment[]): Span[] {
  const spans: { from: UtcMs; to: UtcMs }[] = [];
  for (const row of [...rows].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last && row.start <= last.to + SPAN_TOLERANCE_MS) last.to = utcMs(Math.max(last.to, row.end));
    else spans.push({ from: row.start, to: row.end });
  }
  return spans;
}

describe('gaps and runs', () => {
  it('keep their reasons; an empty gap leaves no row', async () => {
    const gap = await storage.call('openGap', { camera: 1, start: at(0), reason: 'ice-failed', text: 'No path.' });
    expect(await storage.call('gaps', { camera: 1, from: at(5), to: at(6) })).toMatchObject([
      { camera: 1, start: at(0), end: null, reason: 'ice-failed', text: 'No path.' },
    ]);
    await storage.call('closeGap', { gap, end: at(10) });
    expect(await storage.call('gaps', { camera: 1, from: at(10), to: at(20) })).toEqual([]);
    const empty = await storage.call('openGap', { camera: 1, start: at(10), reason: 'unknown', text: '-' });
    await storage.call('closeGap', { gap: empty, end: at(10) });
    await storage.call('addGap', { camera: 1, start: at(12), end: at(12), reason: 'unknown', text: '-' });
    expect(await storage.call('gaps', { camera: 1, from: at(0), to: at(20) })).toHaveLength(1);
  });

  it('gaps of the same words near each other become one; other words, and what happened to footage, stay apart', async () => {
    const add = (from: number, to: number, reason: GapReason, text: string) =>
      storage.call('addGap', { camera: 7, start: at(from), end: at(to), reason, text });
    for (let i = 0; i < 10; i++) await add(i * 60, i * 60 + 5, 'session-lost', 'Lost.');
    await add(610, 620, 'session-lost', 'Lost again.');
    await add(800, 810, 'session-lost', 'Lost again.');
    await add(830, 840, 'deleted-by-person', 'Deleted.');
    await add(850, 860, 'deleted-by-person', 'Deleted.');
    const rows = await storage.call('gaps', { camera: 7, from: at(0), to: at(2_000) });
    expect(rows.map(({ start, end }) => [(start - at(0)) / 1000, ((end ?? 0) - at(0)) / 1000])).toEqual([
      [0, 545],
      [610, 620],
      [800, 810],
      [830, 840],
      [850, 860],
    ]);
  });

  it('the same process goes on after it was away; a clock that was set back cuts what lasts in two', async () => {
    const run = await storage.call('beginRun', { at: at(0) });
    await storage.call('openGap', { camera: 9, start: at(50), reason: 'session-lost', text: 'Lost.' });
    const fact = { start: at(20), end: at(60), reason: 'clock-set', text: 'Set back.', weak: true } as const;
    const next = await storage.call('continueRun', { run, until: at(60), at: at(20), facts: [fact] });
    expect(next).not.toBe(run);
    expect(await storage.call('gaps', { camera: 9, from: at(0), to: at(100) })).toMatchObject([
      { start: at(20), end: null },
      { start: at(50), end: at(60) },
    ]);
    expect(await storage.call('facts', { from: at(0), to: at(100) })).toEqual([fact]);
    expect(await storage.call('facts', { from: at(60), to: at(100) })).toEqual([]);
  });

  it('an index that had to be made anew says that the reasons of before are lost', async () => {
    const run = await storage.call('beginRun', { at: at(100), lostFrom: at(0) });
    await storage.call('touchRun', { run, at: at(900) });
    expect(await storage.call('facts', { from: at(0), to: at(1_000) })).toEqual([]);
    await storage.call('addCamera', newCamera('cam-aaaaaaaa'));
    await storage.call('beginRun', { at: at(950), lostFrom: at(0) });
    // Where the app is known to have run it explains what nothing else does; behind it, whether the app ran is lost, too.
    expect(await storage.call('facts', { from: at(0), to: at(1_000) })).toMatchObject([
      { start: at(0), end: at(900), reason: 'index-lost', weak: true },
      { start: at(900), end: at(950), reason: 'index-lost', weak: false },
    ]);
  });

  it('a gap left open ends where the app was last seen alive', async () => {
    const run = await storage.call('beginRun', { at: at(0) });
    await storage.call('openGap', { camera: 1, start: at(5), reason: 'session-lost', text: '-' });
    await storage.call('touchRun', { run, at: at(20) });
    await storage.call('openGap', { camera: 2, start: at(22), reason: 'session-lost', text: '-' });
    await storage.call('beginRun', { at: at(100) });
    expect(await storage.call('gaps', { camera: 1, from: at(0), to: at(200) })).toMatchObject([{ start: at(5), end: at(20) }]);
    expect(await storage.call('gaps', { camera: 2, from: at(0), to: at(200) })).toEqual([]);
    const runs = await storage.call('runs', { from: at(10), to: at(200) });
    expect(runs).toEqual([{ from: at(10), to: at(20) }]);
  });
});

describe('the thread', () => {
  it('passes errors on, refuses what it cannot queue, and says no after close', async () => {
    await expect(storage.call('insertSegment', { ...segment(1, 0, 60), codec: 5 as never, keyframes: [] })).rejects.toMatchObject({
      code: 'internal',
    });
    const calls = Array.from({ length: 1_100 }, () => storage.call('setting', { key: 'x' }).catch((error: unknown) => error));
    const refused = (await Promise.all(calls)).filter((result) => result instanceof Error);
    expect(refused).toHaveLength(100);
    expect(storage.counters.refused).toBe(100);
    await storage.close();
    await storage.close();
    await expect(storage.call('setting', { key: 'x' })).rejects.toMatchObject({ code: 'closed' });
  });

  it('closes, however many calls wait', async () => {
    const calls = Array.from({ length: 1_000 }, () => storage.call('setting', { key: 'x' }));
    await storage.close();
    await Promise.all(calls);
    // Its lock went with it.
    storage = await Storage.open({ dataDir, log: silentLog });
  });

  it('says that a change was made when it was, though its copy beside the database could not be', async () => {
    const warnings: string[] = [];
    await storage.close();
    storage = await Storage.open({ dataDir, log: { ...silentLog, warn: (text) => void warnings.push(text) } });
    const inTheWay = join(dataDir, `${BACKUP_FILE}.new`);
    mkdirSync(inTheWay);
    const added = await storage.call('addCamera', newCamera('cam-aaaaaaaa'));
    expect(await storage.call('cameras', {})).toEqual([added]);
    expect(warnings).toEqual([expect.stringContaining('could not be written')]);
    rmdirSync(inTheWay);
    await storage.call('setSetting', { key: 'x', value: 'y' });
    expect(readFileSync(join(dataDir, BACKUP_FILE), 'utf8')).toContain('cam-aaaaaaaa');
  });

  it('ends by itself, also when it could not open: it is never terminated', async () => {
    const terminate = vi.spyOn(Worker.prototype, 'terminate');
    await expect(Storage.open({ dataDir, log: silentLog })).rejects.toMatchObject({ code: 'data-in-use' });
    await storage.close();
    expect(terminate).not.toHaveBeenCalled();
    terminate.mockRestore();
    // Its lock went with it.
    storage = await Storage.open({ dataDir, log: silentLog });
  });
});
