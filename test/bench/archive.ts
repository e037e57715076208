import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Archive } from '../../electron/archive/archive.ts';
import { FolderStore } from '../../electron/archive/folder-store.ts';
import type { ObjectStore } from '../../electron/archive/object-store.ts';
import { S3Store } from '../../electron/archive/s3-store.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { NewArchiveTarget } from '../../electron/contract/archive.ts';
import type { Segment } from '../../electron/contract/model.ts';
import { SegmentReader } from '../../electron/playback/segment-reader.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { segmentFile } from '../../electron/segment/names.ts';
import { toSegment, type NewSegment } from '../../electron/segment/segment.ts';
import { Storage } from '../../electron/storage/client.ts';
import { S3_KEYS, S3Server, s3ServerUnavailable } from '../fakes/s3-server.ts';
import type { BenchRow } from './row.ts';
import { median, percentile } from './statistics.ts';

/*
 * What the archive costs: the processor's time for copying a gigabyte against the same bytes put there plainly, by the same store, and what a
 * group of pictures takes from there against from the local disk. 20 segments of 30 MB, groups of 1 MB (a minute of 4 Mbit/s).
 */
const CAMERA = 'cam-benchaaa';
const SEGMENTS = 20;
const GROUPS = 30;
const GROUP_BYTES = 1_000_000;
const HEADER_BYTES = 1_000;
const READS = 60;
const T0 = Date.UTC(2026, 10, 23);

export async function run(): Promise<BenchRow[]> {
  const dir = mkdtempSync(join(tmpdir(), 'keyhole-bench-archive-'));
  const server = s3ServerUnavailable() ? null : await S3Server.start('footage');
  try {
    const rows: BenchRow[] = [];
    const disk = join(dir, 'disk');
    mkdirSync(join(disk, 'plain'), { recursive: true });
    const folder = new FolderStore({ path: join(disk, 'plain'), keyId: '0'.repeat(16), clock: systemClock, marked: false });
    rows.push(...(await one('folder', join(dir, 'a'), { kind: 'folder', path: disk }, folder)));
    if (server) {
      const place = { endpoint: server.endpoint, region: 'us-east-1', bucket: 'footage', pathStyle: true, ...S3_KEYS };
      const plain = new S3Store({ ...place, prefix: 'plain/', keyId: '0'.repeat(16) });
      rows.push(...(await one('S3 on loopback', join(dir, 'b'), { kind: 's3', prefix: '', ...place }, plain)));
      plain.close();
    }
    return rows;
  } finally {
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function one(kind: string, dataDir: string, target: NewArchiveTarget, plain: ObjectStore): Promise<BenchRow[]> {
  mkdirSync(dataDir);
  const storage = await Storage.open({ dataDir, log: silentLog });
  const folders = new StorageFolders(dataDir);
  const archive = await Archive.open({
    storage,
    dataKey: new Uint8Array(32),
    folders,
    clock: systemClock,
    log: silentLog,
    behind: () => false,
  });
  try {
    const segments = await fill(storage, dataDir);
    const gigabytes = segments.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9;
    const plainly = await cpu(async () => {
      for (const [i, { file, bytes }] of segments.entries())
        await plain.put(`x/${i}`, bytes, createReadStream(join(dataDir, file), { highWaterMark: 1_048_576 }));
    });
    await archive.configure({ target });
    const ours = await cpu(async () => {
      archive.start();
      while ((await archive.status()).segments < SEGMENTS) await new Promise((resolve) => setTimeout(resolve, 100));
    });
    const local = await readAll(new SegmentReader(folders), segments);
    const away = segments.map((segment) => ({ ...segment, folder: null, archived: true }));
    const remote = await readAll(new SegmentReader(folders, archive.reader), away);
    return [
      {
        name: `CPU for copying 1 GB to the archive (${kind})`,
        value: ours / gigabytes,
        unit: 's',
        against: { name: 'the same bytes put there plainly', value: plainly / gigabytes, ratio: ours / plainly },
      },
      {
        name: `a group of 1 MB from the archive (${kind})`,
        value: median(remote),
        p95: percentile(remote, 0.95),
        unit: 'ms',
        against: { name: 'local disk', value: median(local), ratio: median(remote) / median(local) },
      },
    ];
  } finally {
    await archive.close();
    await storage.close();
  }
}

async function fill(storage: Storage, dataDir: string): Promise<Segment[]> {
  const { key } = await storage.call('addCamera', {
    id: CAMERA,
    name: 'Bench',
    createdAt: utcMs(T0),
    sourceKind: 'rtsp',
    source: new Uint8Array([1]),
  });
  const bytes = HEADER_BYTES + GROUPS * GROUP_BYTES;
  const segments: Segment[] = [];
  for (let i = 0; i < SEGMENTS; i++) {
    const start = T0 + i * 60_000;
    const keyframes = Array.from({ length: GROUPS }, (_, group) => ({
      at: utcMs(start + group * 2_000),
      offset: HEADER_BYTES + group * GROUP_BYTES,
      bytes: GROUP_BYTES,
    }));
    const row: NewSegment = {
      camera: key,
      start: utcMs(start),
      end: utcMs(start + 60_000),
      bytes,
      codec: 'avc1.640028',
      keyframes,
      folder: 0,
      origin: 'live',
      archive: null,
      hash: null,
    };
    const path = join(dataDir, segmentFile(CAMERA, start));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, randomBytes(bytes));
    await storage.call('insertSegment', row);
    segments.push(toSegment(CAMERA, row));
  }
  return segments;
}

/** Groups here and there, milliseconds each. */
async function readAll(reader: SegmentReader, segments: readonly Segment[]): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < READS; i++) {
    const segment = segments[(i * 7) % segments.length];
    const keyframe = segment?.keyframes[(i * 11) % GROUPS];
    if (!segment || !keyframe) continue;
    const began = performance.now();
    await reader.read(segment, keyframe.offset, keyframe.bytes);
    took.push(performance.now() - began);
  }
  return took;
}

/** Seconds of this process. */
async function cpu(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
