import { CodedError } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import { segmentFile } from '../../segment/names.ts';
import type { SegmentOrigin } from '../../segment/segment.ts';
import { MAX_SEGMENT_MS, SPAN_TOLERANCE_MS, type NewSegment, type SegmentRow, type StorageCalls } from '../interface.ts';
import { decodeKeyframes, encodeKeyframes } from '../keyframes.ts';
import type { SqlDatabase } from '../sql.ts';
import type { SpanIndex } from './spans.ts';

interface Row {
  readonly camera: number;
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly codec: string;
  readonly folder: number | null;
  readonly origin: number;
  readonly archive: number | null;
  readonly hash: Uint8Array | null;
}
interface RowWithList extends Row {
  readonly list: Uint8Array;
}

type SegmentCalls = Pick<
  StorageCalls,
  'insertSegment' | 'removeSegments' | 'healed' | 'segmentsInRange' | 'segmentsWithKeyframes' | 'locate' | 'totals'
>;

const DEFAULT_LIMIT = 10_000;
/** How many segments that began before a time are looked at for one that holds it: more than one only after the clock was set back. */
const OVERLAPPING = 8;

/** In the order of their codes in the database. */
const ORIGINS: readonly SegmentOrigin[] = ['live', 'healed', 'sub'];

const COLUMNS = 's.camera, s.start_ms, s.duration_ms, s.bytes, s.folder, s.origin, s.archive, s.hash, c.name AS codec';
const IN_RANGE =
  's.camera = @camera AND s.start_ms > @from - @longest AND s.start_ms < @to AND s.start_ms + s.duration_ms > @from ORDER BY s.start_ms LIMIT @limit';

export function segmentQueries(db: SqlDatabase, spans: SpanIndex): SegmentCalls {
  const known = db.prepare('SELECT 1 FROM camera WHERE key = ?');
  const addCodec = db.prepare('INSERT OR IGNORE INTO codec (name) VALUES (?)');
  const insert = db.prepare(
    `INSERT OR REPLACE INTO segment (camera, start_ms, duration_ms, bytes, codec, folder, origin, archive, hash)
     VALUES (?, ?, ?, ?, (SELECT key FROM codec WHERE name = ?), ?, ?, ?, ?)`,
  );
  const insertList = db.prepare('INSERT OR REPLACE INTO keyframes (camera, start_ms, list) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ?');
  const removeLists = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms >= ? AND start_ms < ?');
  const fileAt = db.prepare(
    'SELECT folder, origin, (SELECT id FROM camera WHERE key = segment.camera) AS id FROM segment WHERE camera = ? AND start_ms = ?',
  );
  const noteGarbage = db.prepare('INSERT OR IGNORE INTO garbage_file (folder, path) VALUES (?, ?)');
  const inRange = db.prepare(`SELECT ${COLUMNS} FROM segment s JOIN codec c ON c.key = s.codec WHERE ${IN_RANGE}`);
  const withLists = db.prepare(
    `SELECT ${COLUMNS}, k.list FROM segment s JOIN codec c ON c.key = s.codec
     JOIN keyframes k ON k.camera = s.camera AND k.start_ms = s.start_ms WHERE ${IN_RANGE}`,
  );
  const before = db.prepare(
    `SELECT ${COLUMNS}, k.list FROM segment s JOIN codec c ON c.key = s.codec
     JOIN keyframes k ON k.camera = s.camera AND k.start_ms = s.start_ms
     WHERE s.camera = ? AND s.start_ms <= ? ORDER BY s.start_ms DESC LIMIT ${OVERLAPPING}`,
  );
  const healed = db.prepare(
    `SELECT start_ms, duration_ms FROM segment INDEXED BY segment_not_live WHERE camera = @camera AND origin <> 0 AND origin = ${originCode('healed')}
     AND start_ms > @from - @longest AND start_ms < @to AND start_ms + duration_ms > @from ORDER BY start_ms`,
  );
  const totals = db.prepare('SELECT coalesce(sum(segments), 0) AS segments, coalesce(sum(bytes), 0) AS bytes FROM segment_total');

  return {
    insertSegment: db.transaction((segment: NewSegment) => {
      checkSegment(segment);
      const { camera, start, end, bytes, codec, keyframes, folder, origin, archive, hash } = segment;
      if (!known.get(camera)) throw new CodedError('not-found', 'The camera of this recording was removed.');
      const replaced = fileAt.get(camera, start) as (Pick<Row, 'folder' | 'origin'> & { id: string | null }) | undefined;
      if (replaced) {
        removeLists.run(camera, start, start + 1);
        remove.run(camera, start, start + 1);
        spans.cut(camera, start, start + 1);
        const other = replaced.folder !== folder || originOf(replaced.origin) !== origin;
        if (other && replaced.folder !== null && replaced.id !== null)
          noteGarbage.run(replaced.folder, segmentFile(replaced.id, start, originOf(replaced.origin)));
      }
      addCodec.run(codec);
      insert.run(camera, start, end - start, bytes, codec, folder, originCode(origin), archive, hash);
      insertList.run(camera, start, encodeKeyframes(start, keyframes));
      spans.extend(camera, start, end);
    }),
    removeSegments: db.transaction(({ camera, from, to }: Parameters<SegmentCalls['removeSegments']>[0]) => {
      const removed = remove.run(camera, from, to).changes;
      removeLists.run(camera, from, to);
      if (removed > 0) spans.cut(camera, from, to);
      return removed;
    }),
    segmentsInRange: ({ camera, from, to, limit }) =>
      (inRange.all({ camera, from, to, limit: limit ?? DEFAULT_LIMIT, longest: MAX_SEGMENT_MS }) as Row[]).map(fromRow),
    segmentsWithKeyframes: ({ camera, from, to, limit }) =>
      (withLists.all({ camera, from, to, limit: limit ?? DEFAULT_LIMIT, longest: MAX_SEGMENT_MS }) as RowWithList[]).map(withKeyframes),
    locate({ camera, at }) {
      const row = (before.all(camera, at) as RowWithList[]).find((candidate) => candidate.start_ms + candidate.duration_ms > at);
      return row ? withKeyframes(row) : null;
    },
    healed({ camera, from, to }) {
      const merged: { from: number; to: number }[] = [];
      for (const row of healed.all({ camera, from, to, longest: MAX_SEGMENT_MS }) as Row[]) {
        const start = Math.max(row.start_ms, from);
        const end = Math.min(row.start_ms + row.duration_ms, to);
        const last = merged.at(-1);
        if (last && start <= last.to + SPAN_TOLERANCE_MS) last.to = Math.max(last.to, end);
        else merged.push({ from: start, to: end });
      }
      return merged.map((span) => ({ from: utcMs(span.from), to: utcMs(span.to) }));
    },
    totals: () => totals.get() as { segments: number; bytes: number },
  };
}

function checkSegment({ start, end, keyframes }: NewSegment): void {
  if (!Number.isInteger(start) || !Number.isInteger(end)) throw new Error('segment times must be whole milliseconds');
  if (end <= start || end - start > MAX_SEGMENT_MS) throw new Error(`a segment cannot last ${end - start} ms`);
  if (keyframes[0]?.at !== start) throw new Error('a segment must begin with a keyframe');
}

function fromRow(row: Row): SegmentRow {
  const { camera, start_ms: start, duration_ms: duration, bytes, codec, folder, archive, hash } = row;
  const origin = originOf(row.origin);
  return {
    camera,
    start: utcMs(start),
    end: utcMs(start + duration),
    bytes,
    codec,
    folder,
    origin,
    archive,
    hash: hash && new Uint8Array(hash),
  };
}

export function originOf(code: number): SegmentOrigin {
  return ORIGINS[code] ?? 'live';
}

export function originCode(origin: SegmentOrigin): number {
  return ORIGINS.indexOf(origin);
}

function withKeyframes(row: RowWithList): NewSegment {
  return { ...fromRow(row), keyframes: decodeKeyframes(row.start_ms, row.list) };
}
