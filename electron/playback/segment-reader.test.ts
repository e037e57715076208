import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { VIDEO } from '../../test/fixtures/muxed-units.ts';
import { utcMs } from '../base/units.ts';
import type { CameraId, Segment } from '../contract/model.ts';
import { buildInit } from '../media/fmp4/build-init.ts';
import { toSegment, type NewSegment } from '../segment/segment.ts';
import type { Footage } from './footage.ts';
import { GopReader } from './gop.ts';
import type { Recordings } from './recordings.ts';
import { SegmentReader } from './segment-reader.ts';

const T0 = Date.UTC(2026, 10, 23);
const HEADER = buildInit([VIDEO]);

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-reader-'));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function segment(more: Partial<NewSegment> = {}): Segment {
  const keyframes = [{ at: utcMs(T0), offset: HEADER.length, bytes: 10 }];
  const row = { camera: 1, start: utcMs(T0), end: utcMs(T0 + 60_000), bytes: 1_000, codec: 'avc1', keyframes };
  return toSegment('cam-aaaaaaaa', { ...row, folder: 0, origin: 'live', archive: null, hash: null, ...more });
}

function write({ file }: Segment, bytes: Uint8Array): void {
  mkdirSync(dirname(join(dataDir, file)), { recursive: true });
  writeFileSync(join(dataDir, file), bytes);
}

it('knows the small picture of a time from the whole one that took its place', async () => {
  const reader = new SegmentReader({ root: () => dataDir });
  const [small, whole] = [segment({ origin: 'sub' }), segment({ origin: 'healed' })];
  const smaller = buildInit([{ ...VIDEO, width: 320, height: 240 }]);
  write(small, smaller);
  write(whole, HEADER);
  expect((await reader.header(small)).bytes).toEqual(smaller.subarray(0, HEADER.length));
  expect((await reader.header(whole)).bytes).toEqual(HEADER);
});

it('says that a disk fails as a gap of the timeline, and takes what it does not give from the archive', async () => {
  // A folder can be opened like a file, and fails when it is read.
  const broken = segment();
  mkdirSync(join(dataDir, broken.file), { recursive: true });
  const reader = new SegmentReader({ root: () => dataDir });
  await expect(reader.read(broken, 0, 10)).rejects.toMatchObject({
    code: 'disk-failed',
    message: expect.stringContaining('EISDIR') as unknown,
  });
  const footage = {
    camera: (id: CameraId) => Promise.resolve({ id }),
    locate: () => Promise.resolve(broken),
    around: () => Promise.resolve({ previous: null, next: null }),
  };
  const gops = new GopReader(footage as unknown as Footage, {} as Recordings, reader);
  const { value } = await gops.gop({ camera: 'cam-aaaaaaaa', at: utcMs(T0 + 5) });
  expect(value).toMatchObject({ kind: 'gap', reason: 'disk-failed', from: T0 });

  let asked = 0;
  const remote = { read: () => Promise.resolve(new Uint8Array(10).fill(++asked)) };
  const withArchive = new SegmentReader({ root: () => dataDir }, remote);
  expect(await withArchive.read(segment({ archive: 1 }), 0, 10)).toEqual(new Uint8Array(10).fill(1));
  await expect(withArchive.read(broken, 0, 10)).rejects.toMatchObject({ code: 'disk-failed' });
  const away = new SegmentReader({ root: () => dataDir }, { read: () => Promise.reject(new Error('no answer')) });
  await expect(away.read(segment({ archive: 1 }), 0, 10)).rejects.toMatchObject({ code: 'disk-failed' });
  expect(asked).toBe(1);
});
