import { isErrorCode } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import type { GapReason } from '../../contract/model.ts';
import { CAMERA_FACTS, GAP_PAGE, MERGE_GAPS_MS, type LedgerCalls } from '../ledger-calls.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly key: number;
  readonly camera: number;
  readonly start_ms: number;
  readonly end_ms: number | null;
  readonly reason: string;
  readonly text: string;
}

type GapCalls = Pick<LedgerCalls, 'openGap' | 'closeGap' | 'addGap' | 'gaps' | 'protectedIn'>;

/** As in the index gap_long. */
const LONG_MS = 3_600_000;
const OVERLAPS = 'camera = @camera AND start_ms < @to AND coalesce(end_ms, @to) > @from AND (start_ms, key) > (@start, @key)';
const LONG = `(end_ms IS NULL OR end_ms - start_ms > ${LONG_MS})`;

/**
 * Of the camera's gaps that begin at or before @start and last until @until or longer, one for which `condition` holds. @until is no more than an
 * hour behind @start. Looks at the gaps of some hours and at the long ones, not at all that there ever were.
 */
export function gapOver(columns: string, condition: string): string {
  const over = `camera = @camera AND start_ms <= @start AND end_ms >= @until AND ${condition}`;
  return `SELECT ${columns} FROM gap INDEXED BY gap_by_camera WHERE ${over} AND start_ms >= @until - ${LONG_MS}
    UNION ALL SELECT ${columns} FROM gap INDEXED BY gap_long WHERE ${over} AND ${LONG} LIMIT 1`;
}

export function gapQueries(db: SqlDatabase): GapCalls {
  const insert = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');
  const byKey = db.prepare('SELECT * FROM gap WHERE key = ?');
  const close = db.prepare('UPDATE gap SET end_ms = ? WHERE key = ?');
  const drop = db.prepare('DELETE FROM gap WHERE key = ?');
  const before = db.prepare('SELECT * FROM gap WHERE camera = ? AND start_ms <= ? AND key <> ? ORDER BY start_ms DESC, key DESC LIMIT 1');
  // Short ones begin near the range, long ones are few: neither half of the query looks through a camera's whole life.
  const inRange = db.prepare(
    `SELECT * FROM gap INDEXED BY gap_by_camera WHERE ${OVERLAPS} AND start_ms >= max(@start, @from - ${LONG_MS}) AND NOT ${LONG}
     UNION ALL SELECT * FROM gap INDEXED BY gap_long WHERE ${OVERLAPS} AND start_ms >= @start AND ${LONG}
     ORDER BY start_ms, key LIMIT ${GAP_PAGE}`,
  );
  const protectedIn = db.prepare(
    `SELECT start_ms AS "from", end_ms AS "to", kind, text FROM protected
     WHERE camera = @camera AND start_ms < @to AND end_ms > @from AND (until_ms IS NULL OR until_ms > @at) ORDER BY start_ms LIMIT 100`,
  );

  /** Ends `row`, or what it goes on with. */
  const end = (row: Row, at: number): void => {
    const last =
      at > row.start_ms && !CAMERA_FACTS.has(reasonOf(row.reason)) ? (before.get(row.camera, row.start_ms, row.key) as Row) : null;
    const same = last && last.end_ms !== null && last.reason === row.reason && last.text === row.text;
    if (at <= row.start_ms) drop.run(row.key);
    else if (same && last.end_ms !== null && last.end_ms >= row.start_ms - MERGE_GAPS_MS) {
      close.run(Math.max(at, last.end_ms), last.key);
      drop.run(row.key);
    } else close.run(at, row.key);
  };

  const open: GapCalls['openGap'] = ({ camera, start, reason, text }) =>
    Number(insert.run(camera, start, null, reason, text).lastInsertRowid);

  return {
    openGap: open,
    closeGap: db.transaction(({ gap, end: at }: Parameters<GapCalls['closeGap']>[0]) => {
      const row = byKey.get(gap) as Row | undefined;
      if (row) end(row, at);
    }),
    addGap: db.transaction((gap: Parameters<GapCalls['addGap']>[0]) => {
      if (gap.end > gap.start) end(byKey.get(open(gap)) as Row, gap.end);
    }),
    protectedIn: (args) => protectedIn.all({ ...args }) as ReturnType<GapCalls['protectedIn']>,
    gaps: ({ camera, from, to, after }) =>
      (inRange.all({ camera, from, to, start: after?.start ?? -1, key: after?.key ?? 0 }) as Row[]).map(fromRow),
  };
}

function fromRow(row: Row): ReturnType<GapCalls['gaps']>[number] {
  return {
    key: row.key,
    camera: row.camera,
    start: utcMs(row.start_ms),
    end: row.end_ms === null ? null : utcMs(row.end_ms),
    reason: reasonOf(row.reason),
    text: row.text,
  };
}

const OTHER_REASONS: ReadonlySet<string> = new Set<GapReason>([
  'not-added-yet',
  'app-not-running',
  'asleep',
  'connecting',
  'recorder-stopped',
  'schedule',
  'no-event',
  'clock-set',
  'format-changed',
  'file-lost',
  'index-lost',
  'deleted-by-retention',
  'deleted-by-person',
  'future',
  'unknown',
]);

export function reasonOf(text: string): GapReason {
  return isErrorCode(text) || OTHER_REASONS.has(text) ? (text as GapReason) : 'unknown';
}
