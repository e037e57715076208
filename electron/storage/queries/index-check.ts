import { utcMs } from '../../base/units.ts';
import type { IndexCalls } from '../index-calls.ts';
import { SPAN_TOLERANCE_MS } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';
import { gapOver } from './gaps.ts';
import { originOf } from './segments.ts';
import type { SpanIndex } from './spans.ts';

interface Row {
  readonly start_ms: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly folder: number | null;
  readonly origin: number;
  readonly archive: number | null;
}

interface Range {
  readonly start_ms: number;
  readonly end_ms: number;
}

const DEFAULT_LIMIT = 10_000;
const MAX_WRONG = 100;
const STRAY_AT_ONCE = 1_000;
/** In segment_total, for what only the archive has: a key cannot be null. */
const NO_FOLDER = -1;

export function indexQueries(db: SqlDatabase, spans: SpanIndex): IndexCalls {
  const files = db.prepare(
    'SELECT start_ms, duration_ms, bytes, folder, origin, archive FROM segment WHERE camera = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms LIMIT ?',
  );
  const at = db.prepare('SELECT duration_ms, archive FROM segment WHERE camera = ? AND start_ms = ? AND folder = ?');
  const onlyArchive = db.prepare('UPDATE segment SET folder = NULL WHERE camera = ? AND start_ms = ?');
  const remove = db.prepare('DELETE FROM segment WHERE camera = ? AND start_ms = ?');
  const removeList = db.prepare('DELETE FROM keyframes WHERE camera = ? AND start_ms = ?');
  const deleted = db.prepare(gapOver('1', "reason IN ('deleted-by-retention', 'deleted-by-person')"));
  const addGap = db.prepare("INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, 'file-lost', ?)");
  const known = db.prepare('SELECT key FROM camera');
  const nextCamera = db.prepare('SELECT camera FROM segment WHERE camera > ? ORDER BY camera LIMIT 1');
  const strays = db.prepare('SELECT start_ms FROM segment WHERE camera = ? LIMIT ?');
  const dropSpans = db.prepare('DELETE FROM span WHERE camera = ?');
  const garbage = db.prepare('SELECT path FROM garbage_file WHERE folder = ? AND path >= ? AND path < ? LIMIT 100000');
  const usage = db.prepare('SELECT camera, folder, segments, bytes FROM segment_total WHERE segments > 0 ORDER BY camera, folder');

  const merged = db.prepare('SELECT start_ms, start_ms + duration_ms AS end_ms FROM segment WHERE camera = ? ORDER BY start_ms');
  const spansOf = db.prepare('SELECT start_ms, end_ms FROM span WHERE camera = ? ORDER BY start_ms');
  const counted = db.prepare(
    'SELECT camera, coalesce(folder, -1) AS folder, count(*) AS segments, sum(bytes) AS bytes FROM segment GROUP BY 1, 2',
  );

  return {
    checkPages() {
      const result = String(db.pragma('quick_check(10)', { simple: true }));
      return result === 'ok' ? null : result;
    },
    wrongSpans({ camera }) {
      const wrong: number[] = [];
      const listed = (spansOf.iterate(camera) as Iterable<Range>)[Symbol.iterator]();
      const compare = (range: Range) => {
        const { value, done } = listed.next();
        if (done || value.start_ms !== range.start_ms || value.end_ms !== range.end_ms) wrong.push(range.start_ms);
      };
      let last: { start_ms: number; end_ms: number } | null = null;
      for (const row of merged.iterate(camera) as Iterable<Range>) {
        if (last && row.start_ms <= last.end_ms + SPAN_TOLERANCE_MS) last.end_ms = Math.max(last.end_ms, row.end_ms);
        else {
          if (last) compare(last);
          last = { ...row };
        }
        if (wrong.length >= MAX_WRONG) break;
      }
      if (last && wrong.length < MAX_WRONG) compare(last);
      const rest = listed.next();
      if (!rest.done && wrong.length === 0) wrong.push(rest.value.start_ms);
      return wrong.map(utcMs);
    },
    totalsHold() {
      const key = (row: { camera: number; folder: number; segments: number; bytes: number }) =>
        `${row.camera}/${row.folder}/${row.segments}/${row.bytes}`;
      const kept = new Set((usage.all() as Parameters<typeof key>[0][]).map(key));
      const rows = counted.all() as Parameters<typeof key>[0][];
      return rows.length === kept.size && rows.every((row) => kept.has(key(row)));
    },
    segmentFiles: ({ camera, from, to, limit }) =>
      (files.all(camera, from, to, limit ?? DEFAULT_LIMIT) as Row[]).map((row) => ({
        start: utcMs(row.start_ms),
        end: utcMs(row.start_ms + row.duration_ms),
        bytes: row.bytes,
        folder: row.folder,
        origin: originOf(row.origin),
        archived: row.archive !== null,
      })),
    loseSegments: db.transaction(({ camera, folder, starts, text }: Parameters<IndexCalls['loseSegments']>[0]) => {
      let lost = 0;
      for (const start of starts) {
        const row = at.get(camera, start, folder) as { duration_ms: number; archive: number | null } | undefined;
        if (!row) continue;
        lost += 1;
        if (row.archive !== null) {
          onlyArchive.run(camera, start);
          continue;
        }
        remove.run(camera, start);
        removeList.run(camera, start);
        spans.cut(camera, start, start + 1);
        const end = start + row.duration_ms;
        if (!deleted.get({ camera, start, until: end })) addGap.run(camera, start, end, text);
      }
      return lost;
    }),
    dropStrayRows: db.transaction(() => {
      const cameras = new Set((known.all() as { key: number }[]).map(({ key }) => key));
      let dropped = 0;
      for (let last = -1; dropped < STRAY_AT_ONCE;) {
        const next = nextCamera.get(last) as { camera: number } | undefined;
        if (!next) break;
        last = next.camera;
        if (cameras.has(last)) continue;
        for (const { start_ms: start } of strays.all(last, STRAY_AT_ONCE) as { start_ms: number }[]) {
          remove.run(last, start);
          removeList.run(last, start);
          dropped += 1;
        }
        dropSpans.run(last);
      }
      return dropped;
    }),
    garbageUnder: ({ folder, prefix }) =>
      (garbage.all(folder, prefix, `${prefix}\u{10ffff}`) as { path: string }[]).map(({ path }) => path.slice(prefix.length)),
    usage: () =>
      (usage.all() as { camera: number; folder: number; segments: number; bytes: number }[]).map((row) => ({
        ...row,
        folder: row.folder === NO_FOLDER ? null : row.folder,
      })),
  };
}
