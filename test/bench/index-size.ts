import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs, type UtcMs } from '../../electron/base/units.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { NewSegment, StorageArgs, StorageCall } from '../../electron/storage/interface.ts';
import { encodeKeyframes } from '../../electron/storage/keyframes.ts';
import { DATABASE_FILE } from '../../electron/storage/layout.ts';
import type { BenchRow } from './row.ts';

/*
 * The index of 16 cameras that recorded for 365 days: segments of 60 s, a keyframe every 2 s, 4 Mbit/s. Filled in the order of time,
 * as it would have grown (pages split as they would), then asked through the real client and its thread.
 */
const CAMERAS = 16;
const DAYS = Number(process.env['KEYHOLE_BENCH_DAYS'] ?? 365);
const MINUTES_A_DAY = 1440;
const KEYFRAMES = 30;
const GROUP_BYTES = 1_000_000;
const VARIANTS = 256;
const QUERIES = 200;
const T0 = Date.UTC(2026, 0, 1);
const END = utcMs(T0 + DAYS * 86_400_000);

export async function run(): Promise<BenchRow[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-index-'));
  try {
    await (await Storage.open({ dataDir, log: silentLog })).close();
    fill(join(dataDir, DATABASE_FILE));
    const bytes = statSync(join(dataDir, DATABASE_FILE)).size;
    const storage = await Storage.open({ dataDir, log: silentLog });
    try {
      for (let i = 1; i <= CAMERAS; i++) {
        const camera = {
          id: `cam-${i}`,
          name: `Camera ${i}`,
          createdAt: utcMs(T0),
          sourceKind: 'rtsp',
          source: new Uint8Array([1]),
        } as const;
        await storage.call('addCamera', camera);
      }
      return [sizeRow(bytes), ...(await queryRows(storage))];
    } finally {
      await storage.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function sizeRow(bytes: number): BenchRow {
  const plain = (CAMERAS * DAYS * MINUTES_A_DAY * KEYFRAMES * 16) / 1e6;
  const value = bytes / 1e6;
  return {
    name: `index size, ${CAMERAS} cameras x ${DAYS} days, 60 s segments, a keyframe every 2 s`,
    value,
    unit: 'MB',
    against: { name: '16 bytes a keyframe, nothing else', value: plain, ratio: value / plain },
    target: 'below 1.5 GB a year',
  };
}

async function queryRows(storage: Storage): Promise<BenchRow[]> {
  const random = seededRandom(1);
  const camera = () => 1 + Math.floor(random() * CAMERAS);
  const time = (): UtcMs => utcMs(T0 + Math.floor(random() * DAYS * MINUTES_A_DAY) * 60_000 + Math.floor(random() * 60_000));
  const day = () => T0 + Math.floor(random() * DAYS) * 86_400_000;
  const range = () => {
    const from = day();
    return { camera: camera(), from: utcMs(from), to: utcMs(from + 86_400_000) };
  };
  return [
    await timed(storage, 'find the keyframe of a random time', 'locate', () => ({ camera: camera(), at: time() }), 'p95 below 5 ms'),
    await timed(storage, "one day's segments of a camera", 'segmentsInRange', range, 'p95 below 10 ms'),
    await timed(storage, "one day's segments with all keyframes", 'segmentsWithKeyframes', range),
    await timed(
      storage,
      "a whole year's timeline of a camera",
      'spans',
      () => ({ camera: camera(), from: utcMs(T0), to: END }),
      'p95 below 10 ms',
    ),
    await timed(storage, 'list a finished segment (commit on disk)', 'insertSegment', segments(camera)),
  ];
}

const LIVE = { folder: 0, origin: 'live', archive: null, hash: null } as const;

/** New segments behind the year. */
function segments(camera: () => number): () => NewSegment {
  let next = END + 60_000;
  return () => {
    const start = utcMs(next);
    next += 60_000;
    const list = keyframesFrom(start, seededRandom(start));
    return { camera: camera(), start, end: utcMs(start + 60_000), bytes: 30_000_000, codec: 'avc1.640028', keyframes: list, ...LIVE };
  };
}

async function timed<N extends StorageCall>(
  storage: Storage,
  name: string,
  call: N,
  args: () => StorageArgs<N>,
  target?: string,
): Promise<BenchRow> {
  for (let i = 0; i < 20; i++) await storage.call(call, args());
  const times: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const question = args();
    const began = performance.now();
    await storage.call(call, question);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const value = times[Math.floor(times.length * 0.95)] ?? NaN;
  const median = times[times.length >> 1] ?? NaN;
  const row = { name: `${name}, p95`, value, unit: 'ms', against: { name: 'its median', value: median, ratio: value / median } };
  return target ? { ...row, target } : row;
}

function keyframesFrom(start: number, random: () => number): NewSegment['keyframes'] {
  let offset = 900;
  return Array.from({ length: KEYFRAMES }, (_, i) => {
    const bytes = Math.round(GROUP_BYTES * (0.9 + 0.2 * random()));
    const keyframe = { at: utcMs(start + i * 2_000 + (i > 0 && random() < 0.1 ? 1 : 0)), offset, bytes };
    offset += bytes;
    return keyframe;
  });
}

/** What a year of `insertSegment` leaves behind, without the 8.4 million commits. */
export function fill(path: string, days = DAYS): void {
  const db = new DatabaseSync(path);
  const random = seededRandom(3);
  db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
    INSERT INTO codec (name) VALUES ('avc1.640028');
    CREATE TEMP TABLE variant (n INTEGER PRIMARY KEY, list BLOB);`);
  const variant = db.prepare('INSERT INTO variant VALUES (?, ?)');
  for (let n = 0; n < VARIANTS; n++) variant.run(n, encodeKeyframes(T0, keyframesFrom(T0, random)));
  const minutes = `WITH RECURSIVE camera(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM camera WHERE c < ${CAMERAS}),
    minute(t, m) AS (SELECT ?, 0 UNION ALL SELECT t + 60000, m + 1 FROM minute WHERE m < ${MINUTES_A_DAY - 1})`;
  const segments = db.prepare(
    `${minutes} INSERT INTO segment (camera, start_ms, duration_ms, bytes, codec) SELECT c, t + c * 700, 60000, 29000000 + abs(random()) % 2000000, 1 FROM minute CROSS JOIN camera`,
  );
  const lists = db.prepare(
    `${minutes} INSERT INTO keyframes SELECT c, t + c * 700, (SELECT list FROM variant WHERE n = (m * 7 + c) % ${VARIANTS}) FROM minute CROSS JOIN camera`,
  );
  const span = db.prepare('INSERT INTO span VALUES (?, ?, ?)');
  for (let day = 0; day < days; day++) {
    const start = T0 + day * 86_400_000;
    db.exec('BEGIN');
    segments.run(start);
    lists.run(start);
    // One interruption a night, of a minute or so.
    for (let camera = 1; camera <= CAMERAS; camera++) span.run(camera, start + camera * 700, start + 86_340_000 + camera * 700);
    db.exec('COMMIT');
  }
  db.close();
}
