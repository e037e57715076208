import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { Storage } from './client.ts';
import { MAX_PATH_SPANS, type CameraKey, type PathRow } from './interface.ts';
import { MIGRATIONS } from './migrations/migrate.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);
const ALL = { from: at(-1_000_000), to: at(1_000_000) };
const LONG_AGO = at(-1_000_000);

let dataDir: string;
let storage: Storage;
let camera: CameraKey;

const open = () => Storage.open({ dataDir, log: silentLog });
const newCamera = (id: string) => ({ id, name: id, createdAt: at(0), sourceKind: 'p2p' as const, source: new Uint8Array([1]) });
const span = (from: number, to: number, changes: Partial<PathRow> = {}): PathRow => ({
  camera,
  from: at(from),
  to: at(to),
  kind: 'srflx',
  reason: null,
  ...changes,
});
const note = (spans: readonly PathRow[], forgetBefore = LONG_AGO) => storage.call('notePaths', { spans, relayed: [], forgetBefore });

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-paths-'));
  storage = await open();
  camera = (await storage.call('addCamera', newCamera('cam-aaaaaaaa'))).key;
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('path spans', () => {
  it('come back with their reasons; one of the same start is replaced', async () => {
    const reason = { code: 'ice-failed', text: 'No way was found.' } as const;
    await note([span(0, 10), span(10, 20, { kind: 'none', reason })]);
    await note([span(10, 25, { kind: 'none', reason }), span(25, 30, { kind: 'relay' })]);
    const spans = await storage.call('pathSpans', { camera, from: at(5), to: at(26) });
    expect(spans).toEqual([
      { from: at(0), to: at(10), kind: 'srflx', reason: null },
      { from: at(10), to: at(25), kind: 'none', reason },
      { from: at(25), to: at(30), kind: 'relay', reason: null },
    ]);
    expect(await storage.call('pathSpans', { camera, from: at(30), to: at(40) })).toEqual([]);
  });

  it('are bounded in time and in number: the oldest go', async () => {
    await note(Array.from({ length: MAX_PATH_SPANS + 50 }, (_, index) => span(index, index + 1)));
    const kept = await storage.call('pathSpans', { camera, ...ALL });
    expect(kept).toHaveLength(MAX_PATH_SPANS);
    expect(kept[0]?.from).toBe(at(50));
    await note([span(2_000, 2_001)], at(1_000));
    expect((await storage.call('pathSpans', { camera, ...ALL }))[0]?.from).toBe(at(1_000));
  });

  it('go with their camera, and none is kept of one that is gone', async () => {
    await note([span(0, 10)]);
    await storage.call('removeCamera', { id: 'cam-aaaaaaaa', at: at(20), forgetRecordings: false });
    await note([span(10, 30)]);
    await storage.call('notePaths', { spans: [], relayed: [{ camera, month: 24_310, bytes: 5 }], forgetBefore: LONG_AGO });
    expect(await storage.call('pathSpans', { camera, ...ALL })).toEqual([]);
    expect(await storage.call('relayUse', { camera, month: 24_310 })).toBe(0);
  });
});

describe('relayed bytes', () => {
  it('are summed by camera and month', async () => {
    const use = (bytes: number, month: number) => ({ camera, month, bytes });
    await storage.call('notePaths', { spans: [], relayed: [use(100, 24_310), use(7, 24_311)], forgetBefore: LONG_AGO });
    await storage.call('notePaths', { spans: [], relayed: [use(3_000_000_000, 24_310)], forgetBefore: LONG_AGO });
    expect(await storage.call('relayUse', { camera, month: 24_310 })).toBe(3_000_000_100);
    expect(await storage.call('relayUse', { camera, month: 24_311 })).toBe(7);
    expect(await storage.call('relayUse', { camera, month: 24_312 })).toBe(0);
  });

  it('have a budget for each camera that can be taken away again, and outlives the database', async () => {
    expect(await storage.call('camera', { id: 'cam-aaaaaaaa' })).toMatchObject({ relayBudget: null });
    await storage.call('updateCamera', { id: 'cam-aaaaaaaa', relayBudget: 5_000_000_000 });
    await storage.call('updateCamera', { id: 'cam-aaaaaaaa', name: 'Yard' });
    await storage.close();
    for (const suffix of ['-wal', '-shm']) rmSync(join(dataDir, `keyhole.db${suffix}`), { force: true });
    writeFileSync(join(dataDir, 'keyhole.db'), new Uint8Array(8192).fill(0xa5));
    storage = await open();
    expect(storage.report.setAside).not.toBeNull();
    expect(await storage.call('camera', { id: 'cam-aaaaaaaa' })).toMatchObject({ name: 'Yard', relayBudget: 5_000_000_000 });
    await storage.call('updateCamera', { id: 'cam-aaaaaaaa', relayBudget: null });
    expect(await storage.call('camera', { id: 'cam-aaaaaaaa' })).toMatchObject({ relayBudget: null });
  });

  it('come to a database of the first format without touching its cameras', async () => {
    await storage.close();
    rmSync(dataDir, { recursive: true });
    dataDir = mkdtempSync(join(tmpdir(), 'keyhole-paths-'));
    const old = new DatabaseSync(join(dataDir, 'keyhole.db'));
    old.exec(MIGRATIONS[0] ?? '');
    old.exec(`INSERT INTO camera (id, name, created_ms, source_kind, source) VALUES ('cam-aaaaaaaa', 'Old', ${T0}, 'p2p', x'0102')`);
    old.exec('PRAGMA user_version = 1');
    old.close();
    storage = await open();
    expect(await storage.call('cameras', {})).toMatchObject([{ name: 'Old', relayBudget: null, source: new Uint8Array([1, 2]) }]);
    expect(await storage.call('relayUse', { camera: 1, month: 24_310 })).toBe(0);
  });
});
