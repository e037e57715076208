import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { GAP_PAGE, type GapCursor } from './ledger-calls.ts';
import { MIGRATIONS } from './migrations/migrate.ts';
import { deletionQueries } from './queries/deletion.ts';
import { foldingQueries } from './queries/gap-folding.ts';
import { gapQueries } from './queries/gaps.ts';
import { indexQueries } from './queries/index-check.ts';
import { segmentQueries } from './queries/segments.ts';
import { spanQueries } from './queries/spans.ts';

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

  it('costs those who delete and tidy up no more than that', () => {
    const small = database();
    const plans: string[] = [];
    const spy = {
      ...small,
      prepare: (sql: string) => {
        if (sql.startsWith('SELECT') && sql.includes('FROM gap')) {
          const args = { camera: 1, start: 0, until: 0, reason: '', text: '', from: 0, before: 0, limit: 1 };
          plans.push(...(small.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(args) as { detail: string }[]).map(({ detail }) => detail));
        }
        return small.prepare(sql);
      },
      transaction: small.transaction.bind(small) as typeof small.transaction,
    };
    deletionQueries(spy as never, spanQueries(small));
    indexQueries(spy as never, spanQueries(small));
    foldingQueries(spy as never);
    const looks = plans.filter((line) => line.includes('gap'));
    expect(looks).toHaveLength(5);
    for (const look of looks) expect(look).toMatch(/gap_by_camera \(camera=\? AND start_ms>\? AND start_ms<\?\)|gap_long/);
  });

  it('finds what a deletion goes on with, however long ago that began, and one that explains a lost file', () => {
    const full = database();
    const spans = spanQueries(full);
    const { insertSegment } = segmentQueries(full, spans);
    const { deleteSegments } = deletionQueries(full, spans);
    const { loseSegments } = indexQueries(full, spans);
    const { addGap, gaps } = gapQueries(full);
    full.exec("INSERT INTO camera (id, name, created_ms, source_kind, source) VALUES ('cam-a', '', 0, 'rtsp', x'')");
    const minute = (n: number) => utcMs(n * 60_000);
    const record = (n: number) => {
      const where = { folder: 0, origin: 'live', archive: null, hash: null } as const;
      const keyframes = [{ at: minute(n), offset: 1, bytes: 1 }];
      insertSegment({ camera: 1, start: minute(n), end: minute(n + 1), bytes: 2, codec: 'avc1', keyframes, ...where });
    };
    const remove = (n: number) =>
      deleteSegments({ camera: 1, starts: [minute(n)], because: { reason: 'deleted-by-retention', text: 'old' } });
    for (let n = 0; n < 200; n++) record(n);
    for (let n = 0; n < 100; n++) {
      remove(n);
      addGap({ camera: 1, start: minute(n), end: utcMs(minute(n) + 1_000), reason: 'session-lost', text: String(n) });
    }
    remove(150);
    const deletions = () =>
      gaps({ camera: 1, from: utcMs(0), to: minute(500) })
        .filter(({ reason }) => reason !== 'session-lost')
        .map(({ start, end, reason }) => [start / 60_000, (end ?? 0) / 60_000, reason]);
    const deleted = 'deleted-by-retention';
    expect(deletions()).toEqual([
      [0, 100, deleted],
      [150, 151, deleted],
    ]);
    for (const n of [50, 150, 160]) record(n);
    expect(loseSegments({ camera: 1, folder: 0, starts: [minute(50), minute(150), minute(160)], text: 'lost' })).toBe(3);
    expect(deletions()).toEqual([
      [0, 100, deleted],
      [150, 151, deleted],
      [160, 161, 'file-lost'],
    ]);
  });
});
