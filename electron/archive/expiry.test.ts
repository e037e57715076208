import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../test/fakes/memory-store.ts';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { Storage } from '../storage/client.ts';
import { ArchiveKey } from './archive-key.ts';
import type { KnownArchive } from './book.ts';
import { Expiry } from './expiry.ts';
import { objectName } from './notes.ts';

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 10, 1);
const ID = 'cam-abcdefgh';
const day = (number: number): UtcMs => utcMs(T0 + number * DAY);
const NOT_STOPPED = new AbortController().signal;

let dir: string;
let storage: Storage;
let store: MemoryStore;
let archive: KnownArchive;
let expiry: Expiry;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-expiry-'));
  storage = await Storage.open({ dataDir: dir, log: silentLog });
  await storage.call('addCamera', { id: ID, name: 'Yard', createdAt: day(0), sourceKind: 'rtsp', source: new Uint8Array([1]) });
  store = new MemoryStore();
  archive = { number: 1, id: 'archive-one', target: { kind: 'folder', path: '/a' }, key: ArchiveKey.create(), store };
  expiry = new Expiry(storage, new SimulatedClock(day(20)), (args) => storage.call('deleteSegments', args));
  // One a day; the disk still has the file of each second one.
  for (let number = 0; number < 10; number += 1) {
    const start = day(number);
    const keyframes = [{ at: start, offset: 0, bytes: 100 }];
    const row = {
      start,
      end: utcMs(start + 60_000),
      bytes: 100,
      codec: 'avc1',
      keyframes,
      origin: 'live',
      archive: 1,
      hash: null,
    } as const;
    await storage.call('insertSegment', { ...row, camera: 1, folder: number % 2 === 0 ? 0 : null });
    store.objects.set(objectName(ID, start, 'live'), Buffer.alloc(100));
  }
});
afterEach(async () => {
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

const rows = async () =>
  (await storage.call('segmentsInRange', { camera: 1, from: day(0), to: day(100) })).map(
    ({ start, archive: copy }) => `${(start - T0) / DAY}${copy === 1 ? ' archived' : ''}`,
  );
const objects = () => [...store.objects.keys()].length;

describe('what the archive keeps no longer', () => {
  it('loses its copy where the disk has the file, and its row with a reason where nothing else has it; objects follow rows', async () => {
    expect(await expiry.expire(archive, { keepDays: 16, keepBytes: null })).toBe(false);
    expect((await rows()).slice(0, 3)).toEqual(['0', '2', '4 archived']);
    const gaps = await storage.call('gaps', { camera: 1, from: day(0), to: day(100) });
    expect(gaps.map(({ start, reason }) => [(start - T0) / DAY, reason])).toEqual([
      [1, 'deleted-by-retention'],
      [3, 'deleted-by-retention'],
    ]);
    expect(objects()).toBe(10);
    store.failure = new CodedError('archive-unreachable', 'There is no network.');
    await expect(expiry.collect(archive, NOT_STOPPED)).rejects.toMatchObject({ code: 'archive-unreachable' });
    store.failure = null;
    await expiry.collect(archive, NOT_STOPPED);
    expect(objects()).toBe(6);
    expect(await expiry.collect(archive, NOT_STOPPED)).toBe(false);
    expect(expiry.counters).toEqual({ expired: 4, objects: 4 });
  });

  it('is the oldest, no more than is too much, and nothing that is protected', async () => {
    await storage.call('addProtected', { camera: 1, start: day(1), end: day(2), until: null, kind: 'bookmark', text: '' });
    await expiry.expire(archive, { keepDays: null, keepBytes: 750 });
    expect(await rows()).toEqual(['0', '1 archived', '2', ...[4, 5, 6, 7, 8, 9].map((number) => `${number} archived`)]);
    await expiry.expire(archive, { keepDays: null, keepBytes: 750 });
    expect(expiry.counters.expired).toBe(3);
  });
});
