import { utcMs } from '../../base/units.ts';
import { MAX_SEGMENT_MS, type NewSegment, type SegmentRow, type StorageCalls } from '../interface.ts';
import { decodeKeyframes, encodeKeyframes } from '../keyframes.ts';
import type { SqlDatabase } from '../sql.ts';
import type { SpanIndex } from './spans.ts';

interface Row {
  readonly camera: number;
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly codec: string;
}
interface RowWithList extends Row {
  readonly list: Uint8Array;
}

type SegmentCalls = Pick<
  StorageCalls,
  'insertSegment' | 'removeSegments' | 'segmentsInRange' | 'segmentsWithKeyframes' | 'locate' | 'totals'
>;

const DEFAULT_LIMIT = 10_000;
/** How many segments that began before a time are looked at for one that holds it: more than one only after the clock was set back. */
const OVERLAPPING = 8;

const COLUMNS = 's.camera, s.start_ms, s.duration_ms, s.bytes, c.name AS codec';
const IN_RANGE =
  's.camera = @camera AND s.start_ms > @from - @longest AND s.start_ms < @to AND s.start_ms + s.duration_ms > @from ORDER BY s.start_ms LIMIT @limit';

export function segmentQueries(db: SqlDatabase, spans: SpanIndex): SegmentCalls {
  const addCodec = db.prepare('INSERT OR IGNORE INTO codec (name) VALUES (?)');
  const insert = db.prepare(
    'INSERT OR REPLACE INTO segment (camera, start_ms, duration_ms, bytes, codec) VALUES (?, ?, ?, ?, (SELECT key FROM codec WHERE name = ?))',
  );
  const insertList = db.prepare('INSERT OR REPLACE INTO keyframes (camera, start_ms, list) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ?');
  const removeLists = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms >= ? AND start_ms < ?');
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
  const totals = db.prepare('SELECT count(*) AS segments, coalesce(sum(bytes), 0) AS bytes FROM segment');

  return {
    insertSegment: db.transaction((segment: NewSegment) => {
      checkSegment(segment);
      const { camera, start, end, bytes, codec, keyframes } = segment;
      const replaced = removeLists.run(camera, start, start + 1).changes > 0;
      if (replaced) {
        remove.run(camera, start, start + 1);
        spans.cut(camera, start, start + 1);
      }
      addCodec.run(codec);
      insert.run(camera, start, end - start, bytes, codec);
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
    totals: () => totals.get() as { segments: number; bytes: number },
  };
}

function checkSegment({ start, end, keyframes }: NewSegment): void {
  if (!Number.isInteger(start) || !Number.isInteger(end)) throw new Error('segment times must be whole milliseconds');
  if (end <= start || end - start > MAX_SEGMENT_MS) throw new Error(`a segment cannot last ${end - start} ms`);
  if (keyframes[0]?.at !== start) throw new Error('a segment must begin with a keyframe');
}

function fromRow(row: Row): SegmentRow {
  const { camera, start_ms: start, duration_ms: duration, bytes, codec } = row;
  return { camera, start: utcMs(start), end: utcMs(start + duration), bytes, codec };
}

function withKeyframes(row: RowWithList): NewSegment {
  return { ...fromRow(row), keyframes: decodeKeyframes(row.start_ms, row.list) };
}
