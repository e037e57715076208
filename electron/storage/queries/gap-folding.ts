import { utcMs } from '../../base/units.ts';
import type { RetentionCalls } from '../retention-calls.ts';
import type { SqlDatabase } from '../sql.ts';

interface Row {
  readonly key: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly reason: string;
  readonly text: string;
}

interface Piece {
  start: number;
  end: number;
  readonly reason: string;
  readonly text: string;
}

/** All time zones begin their days at a multiple of it: sums by day stay what they are. */
const QUARTER_MS = 900_000;
const ROWS_AT_ONCE = 2_000;

/** A camera that came and went every few seconds for years leaves no more rows than one that did so once in a quarter of an hour. */
export function foldingQueries(db: SqlDatabase): Pick<RetentionCalls, 'foldGaps'> {
  const rows = db.prepare(
    'SELECT key, start_ms, end_ms, reason, text FROM gap WHERE camera = @camera AND start_ms >= @from AND start_ms < @before AND end_ms < @before ORDER BY start_ms, key LIMIT @limit',
  );
  const remove = db.prepare('DELETE FROM gap WHERE key = ?');
  const insert = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');
  return {
    foldGaps: db.transaction(({ camera, from, before }: Parameters<RetentionCalls['foldGaps']>[0]) => {
      const found = rows.all({ camera, from, before, limit: ROWS_AT_ONCE }) as Row[];
      for (const chain of chainsOf(found)) {
        const folded = fold(chain);
        if (folded.length >= chain.length) continue;
        for (const { key } of chain) remove.run(key);
        for (const { start, end, reason, text } of folded) insert.run(camera, start, end, reason, text);
      }
      const last = found.at(-1);
      return last && found.length === ROWS_AT_ONCE ? utcMs(last.start_ms + 1) : null;
    }),
  };
}

/** Rows of which each begins where the one before it ends. Rows over each other are left as they are. */
function chainsOf(rows: readonly Row[]): Row[][] {
  const chains: Row[][] = [];
  for (const row of rows) {
    const chain = chains.at(-1);
    if (chain && chain.at(-1)?.end_ms === row.start_ms) chain.push(row);
    else chains.push([row]);
  }
  return chains;
}

/** Covers what the chain covers. Within each quarter of an hour, one piece a reason, in the order of their first; the words of the longest. */
function fold(chain: readonly Row[]): Piece[] {
  const quarters = new Map<number, Piece[]>();
  for (const { start_ms: start, end_ms: end, reason, text } of chain) {
    // What goes on through a quarter and more is no flicker.
    for (let at = start; at < end;) {
      const quarter = Math.floor(at / QUARTER_MS);
      const until = Math.min(end, (quarter + 1) * QUARTER_MS);
      quarters.set(quarter, [...(quarters.get(quarter) ?? []), { start: at, end: until, reason, text }]);
      at = until;
    }
  }
  const folded: Piece[] = [];
  for (const pieces of quarters.values()) {
    let at = pieces[0]?.start ?? 0;
    for (const reason of new Set(pieces.map((piece) => piece.reason))) {
      const same = pieces.filter((piece) => piece.reason === reason);
      const length = same.reduce((sum, piece) => sum + piece.end - piece.start, 0);
      const longest = same.reduce((a, b) => (b.end - b.start > a.end - a.start ? b : a));
      const last = folded.at(-1);
      if (last && last.end === at && last.reason === reason && last.text === longest.text) last.end = at + length;
      else folded.push({ start: at, end: at + length, reason, text: longest.text });
      at += length;
    }
  }
  return folded;
}
