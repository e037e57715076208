import { isErrorCode } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import type { GapReason } from '../../contract/model.ts';
import type { GapRow, StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly camera: number;
  readonly start_ms: number;
  readonly end_ms: number | null;
  readonly reason: string;
  readonly text: string;
}

type GapCalls = Pick<StorageCalls, 'openGap' | 'closeGap' | 'addGap' | 'gaps'>;

export function gapQueries(db: SqlDatabase): GapCalls {
  const insert = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');
  const close = db.prepare('UPDATE gap SET end_ms = ? WHERE key = ?');
  const dropEmpty = db.prepare('DELETE FROM gap WHERE key = ? AND start_ms >= end_ms');
  const inRange = db.prepare(
    'SELECT * FROM gap WHERE camera = @camera AND start_ms < @to AND coalesce(end_ms, @to) > @from ORDER BY start_ms LIMIT 5000',
  );
  return {
    openGap: ({ camera, start, reason, text }) => Number(insert.run(camera, start, null, reason, text).lastInsertRowid),
    closeGap: db.transaction(({ gap, end }: Parameters<GapCalls['closeGap']>[0]) => {
      close.run(end, gap);
      dropEmpty.run(gap);
    }),
    addGap({ camera, start, end, reason, text }) {
      if (end > start) insert.run(camera, start, end, reason, text);
    },
    gaps: ({ camera, from, to }) => (inRange.all({ camera, from, to }) as Row[]).map(fromRow),
  };
}

function fromRow(row: Row): GapRow {
  return {
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
  'deleted-by-retention',
  'deleted-by-person',
  'future',
  'unknown',
]);

function reasonOf(text: string): GapReason {
  return isErrorCode(text) || OTHER_REASONS.has(text) ? (text as GapReason) : 'unknown';
}
