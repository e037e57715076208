import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { GAP_PAGE, type GapCursor } from './ledger-calls.ts';
import { MIGRATIONS } from './migrations/migrate.ts';
import { gapQueries } from './queries/gaps.ts';

const HOUR = 3_600_000;

function database() {
  const db = new Database(':memory:');
  for (const step of MIGRATIONS) db.exec(step);
  return db;
}

describe('a camera that flaps for months', () => {
  const db = database();
  const { addGap, gaps } = gapQueries(db);
  // Every two minutes for five months, with other words each; every thousandth lasts longer than an hour.
  const COUNT = 100_000;
  const lengthOf = (i: number) => (i % 1_000 === 0 ? 30 * HOUR : 10_000);
  db.transaction(() => {
    for (let i = 0; i < COUNT; i++) {
      const start = utcMs(i * 120_000);
      addGap({ camera: 1, start, end: utcMs(start + lengthOf(i)), reason: 'session-lost', text: String(i) });
      if (i % 10 === 0) addGap({ camera: 2, start, end: utcMs(start + 1_000), reason: 'session-lost', text: 'another camera' });
    }
  })();

  it('has each of its gaps in the answer, page by page', () => {
    const found: string[] = [];
    let pages = 0;
    for (let after: GapCursor | null = null; ;) {
      const page: ReturnType<typeof gaps> = gaps({ camera: 1, from: utcMs(0), to: utcMs(COUNT * 120_000), after });
      pages += 1;
      expect(page.length).toBeLessThanOrEqual(GAP_PAGE);
      found.push(...page.map(({ text }) => text));
      const last = page.at(-1);
      if (!last || page.length < GAP_PAGE) break;
      after = { start: last.start, key: last.key };
    }
    expect(found).toEqual(Array.from({ length: COUNT }, (_, i) => String(i)));
    expect(pages).toBeGreaterThanOrEqual(COUNT / GAP_PAGE);
  });

  it('has in any range just those that reach into it, the long ones of before too', () => {
    for (const from of [0, 5 * HOUR, 1_000 * HOUR, 2_000 * HOUR + 7_000, 3_333 * HOUR]) {
      const to = from + HOUR;
      const expected = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i * 120_000 < to && i * 120_000 + lengthOf(i) > from);
      expect(gaps({ camera: 1, from: utcMs(from), to: utcMs(to) }).map(({ text }) => Number(text))).toEqual(expected);
    }
  });

  it('costs a look at the index and not at its whole life', () => {
    const db = database();
    const plans: string[] = [];
    const spy = {
      ...db,
      prepare: (sql: string) => {
        if (sql.includes('UNION ALL'))
          plans.push(
            ...(db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all({ camera: 1, from: 0, to: 1, start: -1, key: 0 }) as { detail: string }[]).map(
              ({ detail }) => detail,
            ),
          );
        return db.prepare(sql);
      },
      transaction: db.transaction.bind(db) as typeof db.transaction,
    };
    gapQueries(spy as never);
    expect(plans.filter((line) => line.startsWith('SCAN'))).toEqual([]);
    expect(plans.join('\n')).toMatch(/gap_by_camera \(camera=\? AND start_ms>\? AND start_ms<\?\)/);
    expect(plans.join('\n')).not.toMatch(/TEMP B-TREE/);
  });
});
