import { utcMs } from '../../base/units.ts';
import { MAX_EVENT_MS } from '../../contract/model.ts';
import type { FolderPosition, Kept, OldSegment, RetentionCalls } from '../retention-calls.ts';
import type { SqlDatabase } from '../sql.ts';
import { GOING_KEYS } from './forgetting.ts';

interface Row {
  readonly camera: number;
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
}

interface Range {
  readonly start_ms: number;
  readonly end_ms: number;
}

type SelectionCalls = Pick<
  RetentionCalls,
  'oldSegments' | 'oldestInFolder' | 'folderBegin' | 'cameraBegin' | 'recordedSince' | 'inFolder' | 'forgetEvents'
>;

const EVENTS_AT_ONCE = 1_000;

/** Which segments may go. Each question looks at a bounded number of rows, by an index, from a position on. */
export function retentionQueries(db: SqlDatabase): SelectionCalls {
  const COLUMNS = 'camera, start_ms, duration_ms, bytes';
  const ofCamera = db.prepare(
    `SELECT ${COLUMNS}, folder FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms LIMIT ?`,
  );
  const ofFolder = db.prepare(
    `SELECT ${COLUMNS} FROM segment INDEXED BY segment_by_folder WHERE folder = @folder AND start_ms >= @start AND start_ms < @before
     AND NOT (start_ms = @start AND camera <= @camera) AND camera NOT IN (${GOING_KEYS}) ORDER BY start_ms, camera LIMIT @limit`,
  );
  const inFolder = db.prepare(
    `SELECT ${COLUMNS} FROM segment INDEXED BY segment_by_folder WHERE folder = ? AND camera NOT IN (${GOING_KEYS}) ORDER BY start_ms LIMIT ?`,
  );
  const folderBegin = db.prepare('SELECT start_ms FROM segment INDEXED BY segment_by_folder WHERE folder = ? ORDER BY start_ms LIMIT 1');
  const cameraBegin = db.prepare('SELECT start_ms FROM segment WHERE camera = ? ORDER BY start_ms LIMIT 1');
  const since = db.prepare(
    'SELECT coalesce(sum(bytes), 0) AS bytes, min(start_ms) AS first FROM segment WHERE camera = ? AND start_ms >= ?',
  );
  const protectedIn = db.prepare(
    'SELECT start_ms, end_ms FROM protected WHERE camera = @camera AND start_ms < @to AND end_ms > @from AND (until_ms IS NULL OR until_ms > @now)',
  );
  const eventsIn = db.prepare(
    `SELECT start_ms, coalesce(end_ms, @now) AS end_ms FROM event WHERE camera = @camera AND start_ms < @to AND start_ms > @from - ${MAX_EVENT_MS}
     AND coalesce(end_ms, @now) > @from AND coalesce(end_ms, @now) >= @since`,
  );
  const forgetEvents = db.prepare(
    `DELETE FROM event WHERE key IN (SELECT key FROM event WHERE camera = ? AND start_ms < ? AND end_ms < ? LIMIT ${EVENTS_AT_ONCE})`,
  );

  /** What of [from, to) is kept, in any order. */
  const keptRanges = (camera: number, from: number, to: number, { now, events }: Kept): Range[] => {
    const ranges = protectedIn.all({ camera, from, to, now }) as Range[];
    const rule = events.find((other) => other.camera === camera);
    if (!rule) return ranges;
    const { preRollMs, postRollMs, since: after } = rule;
    const around = { camera, from: from - postRollMs, to: to + preRollMs, now, since: after };
    for (const event of eventsIn.all(around) as Range[])
      ranges.push({ start_ms: event.start_ms - preRollMs, end_ms: event.end_ms + postRollMs });
    return ranges;
  };

  const mayGo = (rows: readonly Row[], kept: Kept): OldSegment[] => {
    const byCamera = new Map<number, Row[]>();
    for (const row of rows) byCamera.set(row.camera, [...(byCamera.get(row.camera) ?? []), row]);
    const going = new Set<Row>();
    for (const [camera, list] of byCamera) {
      const from = Math.min(...list.map((row) => row.start_ms));
      const to = Math.max(...list.map((row) => row.start_ms + row.duration_ms));
      const ranges = merged(keptRanges(camera, from, to, kept));
      for (const row of list) if (!overlaps(ranges, row.start_ms, row.start_ms + row.duration_ms)) going.add(row);
    }
    return rows.filter((row) => going.has(row)).map(fromRow);
  };

  return {
    oldSegments({ camera, from, before, kept, limit }) {
      const rows = ofCamera.all(camera, from, before, limit) as (Row & { folder: number | null })[];
      const old = rows.filter((row) => row.folder !== null && row.start_ms + row.duration_ms <= before);
      const last = rows.at(-1);
      return { rows: mayGo(old, kept), next: last && rows.length === limit ? utcMs(last.start_ms + 1) : null };
    },
    oldestInFolder({ folder, after, before, kept, limit }) {
      const start = after?.start ?? -Number.MAX_SAFE_INTEGER;
      const rows = ofFolder.all({ folder, start, camera: after?.camera ?? -1, before, limit }) as Row[];
      const last = rows.at(-1);
      const next: FolderPosition | null = last && rows.length === limit ? { start: utcMs(last.start_ms), camera: last.camera } : null;
      return { rows: mayGo(rows, kept), next };
    },
    folderBegin: ({ folder }) => beginOf(folderBegin.get(folder)),
    cameraBegin: ({ camera }) => beginOf(cameraBegin.get(camera)),
    recordedSince({ camera, from }) {
      const { bytes, first } = since.get(camera, from) as { bytes: number; first: number | null };
      return { bytes, first: first === null ? null : utcMs(first) };
    },
    inFolder: ({ folder, limit }) => (inFolder.all(folder, limit) as Row[]).map(fromRow),
    forgetEvents: ({ camera, before }) => forgetEvents.run(camera, before, before).changes,
  };
}

function fromRow({ camera, start_ms: start, duration_ms: duration, bytes }: Row): OldSegment {
  return { camera, start: utcMs(start), end: utcMs(start + duration), bytes };
}

function beginOf(row: unknown) {
  return row === undefined ? null : utcMs((row as { start_ms: number }).start_ms);
}

/** In order, disjoint. */
function merged(ranges: readonly Range[]): { start: number; end: number }[] {
  const result: { start: number; end: number }[] = [];
  for (const { start_ms: start, end_ms: end } of [...ranges].sort((a, b) => a.start_ms - b.start_ms)) {
    const last = result.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** Whether any of the ranges (in order, disjoint) has a moment of [start, end). */
function overlaps(ranges: readonly { start: number; end: number }[], start: number, end: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.end ?? 0) > start) high = middle;
    else low = middle + 1;
  }
  const first = ranges[low];
  return first !== undefined && first.start < end;
}
