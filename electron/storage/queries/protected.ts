import { CodedError } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import { MAX_PROTECTED, type ProtectedRow, type RetentionCalls } from '../retention-calls.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly key: number;
  readonly camera: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly until_ms: number | null;
  readonly kind: string;
  readonly text: string;
}

type ProtectedCalls = Pick<RetentionCalls, 'addProtected' | 'protectedRanges' | 'removeProtected' | 'forgetProtected'>;

export function protectedQueries(db: SqlDatabase): ProtectedCalls {
  const count = db.prepare('SELECT count(*) AS n FROM protected');
  const insert = db.prepare('INSERT INTO protected (camera, start_ms, end_ms, until_ms, kind, text) VALUES (?, ?, ?, ?, ?, ?)');
  const reaching = db.prepare(
    `SELECT * FROM protected WHERE (@camera IS NULL OR camera = @camera) AND start_ms < @to AND end_ms > @from ORDER BY start_ms, key LIMIT ${MAX_PROTECTED}`,
  );
  const remove = db.prepare('DELETE FROM protected WHERE key = ?');
  const forget = db.prepare('DELETE FROM protected WHERE until_ms <= ?');
  return {
    addProtected: db.transaction((args: Omit<ProtectedRow, 'key'>) => {
      if ((count.get() as { n: number }).n >= MAX_PROTECTED)
        throw new CodedError(
          'conflict',
          `${MAX_PROTECTED} ranges are protected already, the most there can be: let some of them go first.`,
        );
      const { camera, start, end, until, kind, text } = args;
      const key = Number(insert.run(camera, start, end, until, kind, text).lastInsertRowid);
      return { key, ...args };
    }),
    protectedRanges: ({ camera = null, from = 0, to = Number.MAX_SAFE_INTEGER }) =>
      (reaching.all({ camera, from, to }) as Row[]).map((row) => ({
        key: row.key,
        camera: row.camera,
        start: utcMs(row.start_ms),
        end: utcMs(row.end_ms),
        until: row.until_ms === null ? null : utcMs(row.until_ms),
        kind: row.kind === 'export' ? ('export' as const) : ('bookmark' as const),
        text: row.text,
      })),
    removeProtected: ({ key }) => remove.run(key).changes > 0,
    forgetProtected: ({ now }) => forget.run(now).changes,
  };
}
