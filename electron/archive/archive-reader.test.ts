import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../test/fakes/memory-store.ts';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { utcMs } from '../base/units.ts';
import type { SegmentOrigin } from '../contract/model.ts';
import { toSegment, type NewSegment } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import { ArchiveKey } from './archive-key.ts';
import { ArchiveReader } from './archive-reader.ts';
import type { KnownArchive } from './book.ts';
import { encodeNotes, objectName } from './notes.ts';
import { CHUNK_BYTES, ObjectSealer } from './sealed-object.ts';

const START = utcMs(Date.UTC(2026, 10, 23, 10));
const ID = 'cam-abcdefgh';

let clock: SimulatedClock;
let store: MemoryStore;
let archive: KnownArchive;
let reader: ArchiveReader;
/** What the index knows of the segment. */
let row: NewSegment;

beforeEach(() => {
  clock = new SimulatedClock(START);
  store = new MemoryStore();
  archive = { number: 1, id: 'archive-one', target: { kind: 'folder', path: '/a' }, key: ArchiveKey.create(), store };
  const archived = () => Promise.resolve({ archive: 1, origin: row.origin, bytes: row.bytes, hash: row.hash });
  reader = new ArchiveReader({ storage: { call: archived as unknown as Storage['call'] }, book: { at: () => archive }, clock });
});

/** The archive and the index have this file from now on. */
function has(file: Buffer, origin: SegmentOrigin = 'live'): void {
  const keyframes = [{ at: START, offset: 0, bytes: file.length }];
  const hash = createHash('sha256').update(file).digest();
  row = {
    camera: 1,
    start: START,
    end: utcMs(START + 1_000),
    bytes: file.length,
    codec: 'avc1',
    keyframes,
    folder: null,
    origin,
    archive: 1,
    hash,
  };
  const name = objectName(ID, START, origin);
  const notes = encodeNotes({ camera: { id: ID, name: 'Yard', createdAt: START }, segment: row });
  const sealer = new ObjectSealer(archive.key, name, file.length, notes);
  const pieces = [sealer.head];
  for (let at = 0; at < file.length; at += CHUNK_BYTES) pieces.push(sealer.chunk(file.subarray(at, at + CHUNK_BYTES)));
  store.objects.set(name, Buffer.concat(pieces));
}
const read = (offset: number, bytes: number) => reader.read(toSegment(ID, row), offset, bytes);
const noise = (bytes: number, seed: number) => Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * seed) % 251));

describe('reading from the archive', () => {
  it('gives any piece, across the borders of chunks, and what was read last without a request', async () => {
    const file = noise(3 * CHUNK_BYTES + 500, 7);
    has(file);
    for (const [offset, bytes] of [
      [0, 10],
      [CHUNK_BYTES - 3, 6],
      [100, 3 * CHUNK_BYTES],
      [file.length - 1, 1],
    ] as const)
      expect(Buffer.from(await read(offset, bytes))).toEqual(file.subarray(offset, offset + bytes));
    const { requests } = reader.counters;
    expect(Buffer.from(await read(0, file.length))).toEqual(file);
    expect(reader.counters.requests).toBe(requests);
    await expect(read(file.length - 1, 2)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('takes the main picture that took the small one’s place for another object', async () => {
    const [small, main] = [noise(1_000, 3), noise(5_000, 5)];
    has(small, 'sub');
    expect(Buffer.from(await read(0, 1_000))).toEqual(small);
    has(main);
    expect(Buffer.from(await read(0, 1_000))).toEqual(main.subarray(0, 1_000));
  });

  it('reads an object anew that was put there again, and refuses one that is not what the row says', async () => {
    const file = noise(2 * CHUNK_BYTES, 11);
    has(file);
    await read(0, 10);
    has(file);
    expect(Buffer.from(await read(CHUNK_BYTES, 100))).toEqual(file.subarray(CHUNK_BYTES, CHUNK_BYTES + 100));
    const other = noise(2 * CHUNK_BYTES, 13);
    const { hash } = row;
    has(other);
    row = { ...row, hash };
    reader = new ArchiveReader({
      storage: { call: (() => Promise.resolve({ archive: 1, origin: 'live', bytes: row.bytes, hash })) as unknown as Storage['call'] },
      book: { at: () => archive },
      clock,
    });
    await expect(read(0, 10)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('does not ask an archive that just failed for some seconds, however many ask', async () => {
    has(noise(100, 3));
    store.failure = new CodedError('archive-unreachable', 'There is no network.');
    await expect(read(0, 10)).rejects.toMatchObject({ code: 'archive-unreachable' });
    store.failure = null;
    await expect(read(0, 10)).rejects.toMatchObject({ code: 'archive-unreachable' });
    await clock.advance(3_001);
    expect(await read(0, 10)).toHaveLength(10);
  });
});
