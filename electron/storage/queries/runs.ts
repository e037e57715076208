import { utcMs } from '../../base/units.ts';
import type { FactRow, LedgerCalls } from '../ledger-calls.ts';
import type { SqlDatabase } from '../sql.ts';
import { reasonOf } from './gaps.ts';

interface Row {
  readonly start_ms: number;
  readonly end_ms: number;
}
interface Fact extends Row {
  readonly reason: string;
  readonly text: string;
  readonly weak: number;
}

const INDEX_LOST = 'What was noted of this time was lost with the damaged index, or Keyhole was not running.';

type RunCalls = Pick<LedgerCalls, 'beginRun' | 'continueRun' | 'touchRun' | 'runs' | 'facts'>;

export function runQueries(db: SqlDatabase): RunCalls {
  const last = db.prepare('SELECT end_ms FROM run ORDER BY key DESC LIMIT 1');
  // Where no run is known (the database was rebuilt), a gap left open ends where it began: what follows is not claimed.
  const endGaps = db.prepare('UPDATE gap SET end_ms = max(start_ms, coalesce(?, start_ms)) WHERE end_ms IS NULL');
  const dropEmpty = db.prepare('DELETE FROM gap WHERE start_ms >= end_ms');
  const insert = db.prepare('INSERT INTO run (start_ms, end_ms) VALUES (@at, @at)');
  const touch = db.prepare('UPDATE run SET end_ms = max(end_ms, ?) WHERE key = ?');
  const inRange = db.prepare('SELECT start_ms, end_ms FROM run WHERE end_ms > ? AND start_ms < ? ORDER BY start_ms');
  const addFact = db.prepare('INSERT INTO fact (start_ms, end_ms, reason, text, weak) VALUES (?, ?, ?, ?, ?)');
  const factsInRange = db.prepare('SELECT * FROM fact WHERE end_ms > ? AND start_ms < ? ORDER BY start_ms');
  const oldest = db.prepare('SELECT min(created_ms) AS start_ms FROM camera');
  const leaveOpen = db.prepare(
    'INSERT INTO gap (camera, start_ms, end_ms, reason, text) SELECT camera, start_ms, @at, reason, text FROM gap WHERE end_ms IS NULL AND start_ms < @at',
  );
  const openAnew = db.prepare('UPDATE gap SET start_ms = min(start_ms, ?) WHERE end_ms IS NULL');
  const add = (at: number) => Number(insert.run({ at }).lastInsertRowid);
  const note = ({ start, end, reason, text, weak }: FactRow) => {
    if (end > start) addFact.run(start, end, reason, text, Number(weak));
  };
  return {
    beginRun: db.transaction(({ at, lostFrom = null }: Parameters<RunCalls['beginRun']>[0]) => {
      const { end_ms: end } = (last.get() ?? { end_ms: null }) as { end_ms: number | null };
      if (endGaps.run(end === null ? null : Math.min(end, at)).changes > 0) dropEmpty.run();
      const { start_ms: added } = oldest.get() as { start_ms: number | null };
      if (lostFrom !== null && added !== null) {
        const since = Math.max(added, lostFrom);
        // What was saved of the remains keeps its word.
        const lost = { reason: 'index-lost' as const, text: INDEX_LOST, weak: true };
        if (end !== null) note({ ...lost, start: utcMs(since), end: utcMs(Math.min(end, at)) });
        note({ ...lost, start: utcMs(Math.max(since, end ?? since)), end: utcMs(at), weak: false });
      }
      return add(at);
    }),
    continueRun: db.transaction(({ run, until, at, facts }: Parameters<RunCalls['continueRun']>[0]) => {
      touch.run(until, run);
      for (const fact of facts) note(fact);
      if (at < until) {
        leaveOpen.run({ at: until });
        openAnew.run(at);
      }
      return add(at);
    }),
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
    facts: ({ from, to }) =>
      (factsInRange.all(from, to) as Fact[]).map(({ start_ms, end_ms, reason, text, weak }) => ({
        start: utcMs(start_ms),
        end: utcMs(end_ms),
        reason: reasonOf(reason),
        text,
        weak: weak === 1,
      })),
  };
}
