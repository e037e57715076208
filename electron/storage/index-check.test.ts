import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { Storage } from './client.ts';
import type { NewSegment } from './interface.ts';
import { DATABASE_FILE } from './layout.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);

let dataDir: string;
let storage: Storage;
let camera: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-index-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  camera = (await storage.call('addCamera', row)).key;
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function segment(minute: number, changes: Partial<NewSegment> = {}): NewSegment {
  const start = utcMs(T0 + minute * 60_000);
  const keyframes = [{ at: start, offset: 700, bytes: 1_000 }];
  const row = { camera, start, end: utcMs(start + 60_000), bytes: 1_700, codec: 'avc1', keyframes };
  return { ...row, folder: 0, origin: 'live', archive: null, hash: null, ...changes };
}

const everything = () => ({ camera, from: utcMs(T0), to: utcMs(T0 + 86_400_000) });

describe('what the check of the index writes', () => {
  it('keeps totals that are what counting gives, whatever was inserted, replaced, moved and removed', async () => {
    const random = seededRandom(5);
    for (let round = 0; round < 300; round++) {
      const minute = Math.floor(random() * 40);
      if (random() < 0.3) {
        const range = { camera, from: utcMs(T0 + minute * 60_000), to: utcMs(T0 + (minute + 3) * 60_000) };
        await storage.call('removeSegments', range);
      } else if (random() < 0.2) {
        const starts = [utcMs(T0 + minute * 60_000)];
        await storage.call('loseSegments', { camera, folder: 0, starts, text: 'gone' });
      } else {
        const archive = random() < 0.5 ? 1 : null;
        await storage.call('insertSegment', segment(minute, { bytes: 1_700 + round, folder: round % 2, archive }));
      }
      const rows = await storage.call('segmentFiles', everything());
      expect(await storage.call('totals', {})).toEqual({ segments: rows.length, bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) });
      for (const { folder, segments } of await storage.call('usage', {}))
        expect(rows.filter((row) => row.folder === folder)).toHaveLength(segments);
    }
  });

  it('a row whose file is gone leaves a gap, unless the archive has it or a deletion was noted', async () => {
    for (const minute of [0, 2, 4]) await storage.call('insertSegment', segment(minute, { archive: minute === 2 ? 7 : null }));
    await storage.call('addGap', {
      ...{ camera, start: utcMs(T0 + 4 * 60_000), end: utcMs(T0 + 5 * 60_000) },
      ...{ reason: 'deleted-by-retention', text: 'old' },
    });
    const starts = [0, 2, 4, 6].map((minute) => utcMs(T0 + minute * 60_000));
    expect(await storage.call('loseSegments', { camera, folder: 1, starts, text: 'gone' })).toBe(0);
    expect(await storage.call('loseSegments', { camera, folder: 0, starts, text: 'gone' })).toBe(3);
    expect(await storage.call('segmentFiles', everything())).toMatchObject([{ start: starts[1], folder: null, archived: true }]);
    expect((await storage.call('gaps', everything())).map(({ start, reason }) => [start, reason])).toEqual([
      [starts[0], 'file-lost'],
      [starts[2], 'deleted-by-retention'],
    ]);
    expect(await storage.call('spans', everything())).toEqual([{ from: starts[1], to: utcMs(T0 + 3 * 60_000) }]);
  });

  it('a row that takes the place of another notes the file of that one as garbage', async () => {
    const day = 'recordings/cam-aaaaaaaa/2026-11-23/';
    await storage.call('insertSegment', segment(0, { origin: 'sub' }));
    await storage.call('insertSegment', segment(1));
    await storage.call('insertSegment', segment(1, { bytes: 2_000 }));
    expect(await storage.call('garbageUnder', { folder: 0, prefix: day })).toEqual([]);
    await storage.call('insertSegment', segment(0, { origin: 'healed' }));
    expect(await storage.call('garbageUnder', { folder: 0, prefix: day })).toEqual([`${T0}.sub.mp4`]);
    expect(await storage.call('garbageUnder', { folder: 1, prefix: day })).toEqual([]);
  });

  it('drops rows of cameras that are not there', async () => {
    await storage.call('insertSegment', segment(0));
    const row = { id: 'cam-bbbbbbbb', name: 'Door', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
    const other = await storage.call('addCamera', row);
    for (let minute = 0; minute < 3; minute++) await storage.call('insertSegment', segment(minute, { camera: other.key }));
    // As in an older copy of the database: it was removed since.
    const db = new Database(join(dataDir, DATABASE_FILE));
    db.exec(`DELETE FROM camera WHERE key = ${other.key}`);
    db.close();
    expect(await storage.call('dropStrayRows', {})).toBe(3);
    expect(await storage.call('dropStrayRows', {})).toBe(0);
    expect(await storage.call('totals', {})).toEqual({ segments: 1, bytes: 1_700 });
  });
});
