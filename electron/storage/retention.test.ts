import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Span } from '../contract/model.ts';
import { Storage } from './client.ts';
import { SPAN_TOLERANCE_MS, type GapRow, type NewSegment } from './interface.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);
const BECAUSE = { reason: 'deleted-by-retention', text: 'It was older than 30 days.' } as const;

let dataDir: string;
let storage: Storage;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-retention-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  for (const id of ['cam-aaaaaaaa', 'cam-bbbbbbbb'])
    await storage.call('addCamera', { id, name: id, createdAt: at(0), sourceKind: 'p2p', source: new Uint8Array([1]) });
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function segment(camera: number, from: number, to: number, more: Partial<NewSegment> = {}): NewSegment {
  const keyframes = [{ at: at(from), offset: 700, bytes: 1000 }];
  const where = { folder: 0, origin: 'live', archive: null, hash: null } as const;
  return { camera, start: at(from), end: at(to), bytes: 1700, codec: 'avc1.64001f', keyframes, ...where, ...more };
}

async function put(...segments: NewSegment[]): Promise<void> {
  for (const row of segments) await storage.call('insertSegment', row);
}

function merge(rows: readonly NewSegment[]): Span[] {
  const spans: { from: UtcMs; to: UtcMs }[] = [];
  for (const row of [...rows].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last && row.start <= last.to + SPAN_TOLERANCE_MS) last.to = utcMs(Math.max(last.to, row.end));
    else spans.push({ from: row.start, to: row.end });
  }
  return spans;
}

describe('deleting many segments at once', () => {
  it('leaves the spans that merging the rest gives, whichever go', async () => {
    const share = seededRandom(7);
    const random = (n: number) => Math.floor(share() * n);
    const rows = new Map<number, NewSegment>();
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 10; i++) {
        const from = random(20_000);
        const row = segment(1, from, from + 1 + random(i === 0 ? 3_000 : 60));
        await put(row);
        rows.set(row.start, row);
      }
      const starts = [...rows.keys()].sort((a, b) => a - b);
      const first = random(starts.length);
      // Now all of a stretch, now one here and one there, in any order, some of them twice.
      const going = starts.slice(first, first + random(20)).filter(() => round % 2 === 0 || random(2) === 0);
      await storage.call('deleteSegments', { camera: 1, starts: [...going, ...going.slice(0, 2)].reverse().map(utcMs), because: null });
      for (const start of going) rows.delete(start);
      const spans = await storage.call('spans', { camera: 1, from: at(-100), to: at(100_000) });
      expect(spans, `round ${round}`).toEqual(merge([...rows.values()]));
    }
    expect(rows.size).toBeGreaterThan(50);
  });

  it('notes one gap for what follows each other, and none for what was not recorded', async () => {
    await put(segment(1, 0, 60), segment(1, 60, 120), segment(1, 200, 260), segment(1, 260, 320), segment(1, 320, 380));
    const remove = (...starts: number[]) => storage.call('deleteSegments', { camera: 1, starts: starts.map(at), because: BECAUSE });
    expect(await remove(0, 60, 200)).toBe(3 * 1700);
    expect(await remove(260, 999)).toBe(1700);
    const gaps = await storage.call('gaps', { camera: 1, from: at(0), to: at(1_000) });
    expect(gaps).toMatchObject([
      { start: at(0), end: at(120), ...BECAUSE },
      { start: at(200), end: at(320), ...BECAUSE },
    ]);
    expect((await storage.call('garbage', {})).map(({ path }) => path)).toHaveLength(4);
    expect(await storage.call('usage', {})).toEqual([{ camera: 1, folder: 0, segments: 1, bytes: 1700 }]);
  });

  it('keeps the row of what the archive has, and says nothing is missing', async () => {
    await put(segment(1, 0, 60, { archive: 3 }), segment(1, 60, 120));
    await storage.call('deleteSegments', { camera: 1, starts: [at(0), at(60)], because: BECAUSE, keepArchived: true });
    expect(await storage.call('segmentsInRange', { camera: 1, from: at(0), to: at(200) })).toMatchObject([
      { start: at(0), folder: null, archive: 3 },
    ]);
    expect(await storage.call('spans', { camera: 1, from: at(0), to: at(200) })).toEqual([{ from: at(0), to: at(60) }]);
    expect(await storage.call('gaps', { camera: 1, from: at(0), to: at(200) })).toMatchObject([{ start: at(60), end: at(120) }]);
    expect(await storage.call('garbage', {})).toHaveLength(2);
  });
});

describe('what may go', () => {
  const kept = { now: at(10_000), events: [] };

  it('is looked for from the oldest on, in pieces, of one camera or of one folder over all of them', async () => {
    for (let minute = 0; minute < 10; minute++)
      await put(segment(1, minute * 60, minute * 60 + 60), segment(2, minute * 60, minute * 60 + 60, { folder: minute < 5 ? 1 : 0 }));
    const first = await storage.call('oldSegments', { camera: 1, from: at(0), before: at(330), kept, limit: 4 });
    expect(first.rows.map(({ start }) => start)).toEqual([at(0), at(60), at(120), at(180)]);
    const second = await storage.call('oldSegments', { camera: 1, from: first.next ?? at(0), before: at(330), kept, limit: 4 });
    // The one that ends behind the time is not old yet.
    expect(second).toMatchObject({ rows: [{ start: at(240) }], next: null });

    const of = (folder: number, after: { start: UtcMs; camera: number } | null, limit: number) =>
      storage.call('oldestInFolder', { folder, after, before: at(10_000), kept, limit });
    const one = await of(0, null, 7);
    expect(one.rows.map(({ camera, start }) => [camera, (start - T0) / 60_000])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [1, 5],
      [2, 5],
    ]);
    expect((await of(0, one.next, 2)).rows.map(({ camera, start }) => [camera, (start - T0) / 60_000])).toEqual([
      [1, 6],
      [2, 6],
    ]);
    expect((await of(1, null, 100)).rows).toHaveLength(5);
    expect(await storage.call('folderBegin', { folder: 0 })).toBe(at(0));
    expect(await storage.call('folderBegin', { folder: 9 })).toBeNull();
    expect(await storage.call('recordedSince', { camera: 1, from: at(300) })).toEqual({ bytes: 5 * 1700, first: at(300) });
  });

  it('is nothing that is protected, nor the footage of an event and what surrounds it, as long as that lasts', async () => {
    for (let minute = 0; minute < 10; minute++) await put(segment(1, minute * 60, minute * 60 + 60));
    const add = (from: number, to: number, until: UtcMs | null) =>
      storage.call('addProtected', { camera: 1, start: at(from), end: at(to), until, kind: 'bookmark', text: '' });
    const lasting = await add(70, 71, null);
    await add(190, 191, at(9_000));
    await storage.call('addEvent', { camera: 1, start: at(425), end: at(475), kind: 'motion', source: 'x', score: null, text: '' });
    const minutes = async (since: UtcMs, now = at(8_000)) => {
      const events = [{ camera: 1, since, preRollMs: 10_000, postRollMs: 10_000 }];
      const { rows } = await storage.call('oldSegments', { camera: 1, from: at(0), before: at(9_999), kept: { now, events }, limit: 100 });
      return rows.map(({ start }) => (start - T0) / 60_000);
    };
    expect(await minutes(at(0))).toEqual([0, 2, 4, 5, 9]);
    // The event is too old to be kept for its own sake.
    expect(await minutes(at(500))).toEqual([0, 2, 4, 5, 6, 7, 8, 9]);
    expect(await minutes(at(500), at(9_001))).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await storage.call('forgetProtected', { now: at(9_001) })).toBe(1);
    expect(await storage.call('removeProtected', { key: lasting.key })).toBe(true);
    expect(await storage.call('protectedRanges', {})).toEqual([]);
  });
});

describe('reasons that were noted by the thousand', () => {
  it('become few, and each quarter of an hour is missing for the same reasons for as long', async () => {
    const share = seededRandom(3);
    let position = 0;
    for (let i = 0; i < 700; i++) {
      const length = 100 + Math.floor(share() * 20_000);
      const reason = (['no-event', 'ice-failed', 'deleted-by-retention'] as const)[Math.floor(share() * 3)] ?? 'unknown';
      await storage.call('addGap', { camera: 1, start: utcMs(T0 + position), end: utcMs(T0 + position + length), reason, text: reason });
      position += length + (share() < 0.02 ? 5_000 : 0);
    }
    const all = () => everyGap(at(0), utcMs(T0 + position));
    const before = await all();
    for (let from: UtcMs | null = utcMs(0); from !== null;)
      from = await storage.call('foldGaps', { camera: 1, from, before: utcMs(T0 + position + 1) });
    const after = await all();
    expect(after.length).toBeLessThan(before.length / 5);
    expect(sums(after)).toEqual(sums(before));
    expect(covered(after)).toEqual(covered(before));
  });

  async function everyGap(from: UtcMs, to: UtcMs): Promise<GapRow[]> {
    const rows = new Map<string, GapRow>();
    for (let begin: number = from; begin < to; begin += 3_600_000)
      for (const gap of await storage.call('gaps', { camera: 1, from: utcMs(begin), to: utcMs(begin + 3_600_000) }))
        rows.set(`${gap.start}`, gap);
    return [...rows.values()];
  }

  function sums(gaps: readonly GapRow[]): Record<string, number> {
    const result: Record<string, number> = {};
    for (const { start, end, reason } of gaps)
      for (let position: number = start; position < (end ?? 0);) {
        const quarter = Math.floor(position / 900_000);
        const until = Math.min(end ?? 0, (quarter + 1) * 900_000);
        result[`${quarter} ${reason}`] = (result[`${quarter} ${reason}`] ?? 0) + until - position;
        position = until;
      }
    return result;
  }

  function covered(gaps: readonly GapRow[]): number[][] {
    const result: number[][] = [];
    for (const { start, end } of [...gaps].sort((a, b) => a.start - b.start)) {
      const last = result.at(-1);
      if (last && last[1] === start) last[1] = end ?? 0;
      else result.push([start, end ?? 0]);
    }
    return result;
  }
});
