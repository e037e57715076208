import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../test/fakes/memory-store.ts';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { NewSegment } from '../segment/segment.ts';
import { Storage } from '../storage/client.ts';
import { ArchiveKey } from './archive-key.ts';
import type { KnownArchive } from './book.ts';
import { encodeNotes, objectName } from './notes.ts';
import { restoreFromArchive } from './restore.ts';
import { ObjectSealer } from './sealed-object.ts';

const T0 = Date.UTC(2026, 10, 23, 10);
const ID = 'cam-abcdefgh';
const at = (minute: number): UtcMs => utcMs(T0 + minute * 60_000);

let dir: string;
let storage: Storage;
let store: MemoryStore;
let archive: KnownArchive;
let warned: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-restore-'));
  storage = await Storage.open({ dataDir: dir, log: silentLog });
  store = new MemoryStore();
  archive = { number: 1, id: 'archive-one', target: { kind: 'folder', path: '/a' }, key: ArchiveKey.create(), store };
  warned = [];
});
afterEach(async () => {
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

function put(minute: number): NewSegment {
  const file = Buffer.alloc(1_000, minute);
  const keyframes = [{ at: at(minute), offset: 0, bytes: file.length }];
  const times = { start: at(minute), end: at(minute + 1) };
  const row = {
    ...times,
    camera: 1,
    bytes: file.length,
    codec: 'avc1',
    keyframes,
    folder: null,
    origin: 'live',
    archive: 1,
    hash: null,
  } as const;
  const name = objectName(ID, row.start, 'live');
  const sealer = new ObjectSealer(
    archive.key,
    name,
    file.length,
    encodeNotes({ camera: { id: ID, name: 'Yard', createdAt: at(0) }, segment: row }),
  );
  store.objects.set(name, Buffer.concat([sealer.head, sealer.chunk(file)]));
  return row;
}

async function restore() {
  const progress = { seen: 0, restored: 0, unreadable: 0 };
  const log = { ...silentLog, warn: (text: string) => void warned.push(text) };
  const { signal } = new AbortController();
  await restoreFromArchive({ storage, archive, clock: new SimulatedClock(T0), log, signal, progress });
  return progress;
}
const minutes = async () =>
  (await storage.call('segmentsInRange', { camera: 1, from: at(0), to: at(1_000) })).map(({ start }) => (start - T0) / 60_000);

describe('making the index know what the archive has', () => {
  it('brings rows back, once', async () => {
    for (const minute of [1, 2, 3]) put(minute);
    expect(await restore()).toEqual({ seen: 3, restored: 3, unreadable: 0 });
    expect(await restore()).toEqual({ seen: 3, restored: 0, unreadable: 0 });
    expect(await minutes()).toEqual([1, 2, 3]);
  });

  it('does not bring back what is deleted while it goes on', async () => {
    for (const minute of [1, 2, 3]) put(minute);
    await restore();
    const { list } = store;
    const because = { reason: 'deleted-by-person', text: 'Deleted.' } as const;
    store.list = async function* (prefix) {
      await storage.call('deleteSegments', { camera: 1, starts: [at(2)], because });
      yield* list.call(store, prefix);
    };
    expect(await restore()).toEqual({ seen: 2, restored: 0, unreadable: 0 });
    expect(await minutes()).toEqual([1, 3]);
    expect(await storage.call('archiveGarbage', { archive: 1, limit: 10 })).toMatchObject([{ start: at(2) }]);
  });

  it('counts what it cannot open, and does not fill the log with it', async () => {
    for (let minute = 0; minute < 50; minute += 1) put(minute);
    for (const bytes of store.objects.values()) bytes[70] = (bytes[70] ?? 0) ^ 1;
    put(50);
    expect(await restore()).toEqual({ seen: 51, restored: 1, unreadable: 50 });
    expect(warned).toHaveLength(10);
  });
});
