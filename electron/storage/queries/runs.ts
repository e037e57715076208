import { utcMs } from '../../base/units.ts';
import type { StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly start_ms: number;
  readonly end_ms: number;
}

export function runQueries(db: SqlDatabase): Pick<StorageCalls, 'beginRun' | 'continueRun' | 'touchRun' | 'runs'> {
  const last = db.prepare('SELECT max(end_ms) AS end_ms FROM run');
  // Where no run is known (the database was rebuilt), a gap left open ends where it began: what follows is not claimed.
  const endGaps = db.prepare('UPDATE gap SET end_ms = max(start_ms, coalesce(?, start_ms)) WHERE end_ms IS NULL');
  const dropEmpty = db.prepare('DELETE FROM gap WHERE start_ms >= end_ms');
  const insert = db.prepare('INSERT INTO run (start_ms, end_ms) VALUES (@at, @at)');
  const touch = db.prepare('UPDATE run SET end_ms = max(end_ms, ?) WHERE key = ?');
  const inRange = db.prepare('SELECT start_ms, end_ms FROM run WHERE end_ms > ? AND start_ms < ? ORDER BY start_ms');
  const add = (at: number) => Number(insert.run({ at }).lastInsertRowid);
  return {
    beginRun: db.transaction(({ at }: { at: number }) => {
      const { end_ms: end } = last.get() as { end_ms: number | null };
      if (endGaps.run(end === null ? null : Math.min(end, at)).changes > 0) dropEmpty.run();
      return add(at);
    }),
    continueRun: ({ at }) => add(at),
    touchRun: ({ run, at }) => void touch.run(at, run),
    runs({ from, to }) {
      const merged: { from: number; to: number }[] = [];
      for (const row of inRange.all(from, to) as Row[]) {
        if (row.end_ms === row.start_ms) continue;
        const previous = merged.at(-1);
        if (previous && row.start_ms <= previous.to) previous.to = Math.max(previous.to, row.end_ms);
        else merged.push({ from: row.start_ms, to: row.end_ms });
      }
      return merged.map((run) => ({ from: utcMs(Math.max(run.from, from)), to: utcMs(Math.min(run.to, to)) }));
    },
  };
}
