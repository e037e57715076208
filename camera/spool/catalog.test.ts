import { describe, expect, it } from 'vitest';
import { Catalog, type SpoolEntry } from './catalog.ts';

const T0 = Date.UTC(2026, 10, 25);
const entry = (key: number, clock: SpoolEntry['clock'], bytes = 100): SpoolEntry => ({ key, end: key + 15_000, bytes, hash: null, clock });
const EVER = { from: -1e14, to: 1e14, after: null, limit: 1_000 };

describe('the catalog of a spool', () => {
  it('counts its bytes once, whatever comes twice or goes, and lists in order of keys', () => {
    const catalog = new Catalog({ boot: 'a', startedAt: () => 0 });
    for (const key of [30_000, 0, 15_000]) catalog.add(entry(key, null));
    catalog.add(entry(15_000, null, 250));
    catalog.remove(7);
    expect(catalog.bytes).toBe(450);
    expect(catalog.list(EVER).map(({ key }) => key)).toEqual([0, 15_000, 30_000]);
    expect(catalog.list({ from: 15_000, to: 30_001, after: 15_000, limit: 5 }).map(({ key }) => key)).toEqual([30_000]);
    catalog.remove(15_000);
    expect([catalog.bytes, catalog.size, catalog.at(15_000)]).toEqual([200, 2, null]);
  });

  it('takes what was shown before the clock was set for as old as it is, not as its name says', () => {
    // A machine without a clock of its own began in 1970, and heard of the time after a minute.
    let startedAt = 0;
    const catalog = new Catalog({ boot: 'b', startedAt: () => startedAt });
    catalog.add(entry(T0 - 3_600_000, { boot: 'a', startedAt: T0 - 7_200_000 }));
    for (const key of [10_000, 25_000, 40_000]) catalog.add(entry(key, { boot: 'b', startedAt: 0 }));
    startedAt = T0;
    catalog.add(entry(T0 + 60_000, { boot: 'b', startedAt: T0 }));
    expect(catalog.since).toBe(T0 - 3_600_000);
    expect(catalog.oldest(3).map(({ key }) => key)).toEqual([T0 - 3_600_000, 10_000, 25_000]);
    expect(catalog.oldest(9).at(1)).toMatchObject({ start: T0 + 10_000, end: T0 + 25_000 });
    // After the machine was started anew, in whatever order its files are read.
    const again = new Catalog({ boot: 'c', startedAt: () => T0 + 90_000 });
    for (const key of [T0 + 60_000, 10_000]) again.add(entry(key, { boot: 'b', startedAt: key > T0 ? T0 : 0 }));
    expect(again.oldest(1)).toEqual([{ key: 10_000, start: T0 + 10_000, end: T0 + 25_000, bytes: 100 }]);
  });

  it('finds the oldest of many', () => {
    const catalog = new Catalog({ boot: 'a', startedAt: () => 0 });
    for (let count = 0; count < 1_000; count += 1) catalog.add(entry(((count * 7_919) % 1_000) * 15_000, null));
    expect(catalog.oldest(3).map(({ key }) => key)).toEqual([0, 15_000, 30_000]);
    expect(catalog.oldest(2_000)).toHaveLength(1_000);
  });
});
