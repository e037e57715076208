import { describe, expect, it } from 'vitest';
import { SimulatedWay } from '../../test/fakes/simulated-way.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { LIST_ENTRIES, type BulkReply } from './bulk-messages.ts';

/** Packets that were thrown away, delays and bulk bytes of a minute on a way of `kbps` with a camera of `media` kbit/s. */
async function minute(kbps: number, media: number, bulk: boolean, seed = 1) {
  const way = new SimulatedWay(new SimulatedClock(), { kbps, delayMs: 25, queueBytes: kbps * 20 }, seed);
  await way.run(10_000, media);
  const before = { thrownAway: way.thrownAway, sent: way.sent, at: way.delaysMs.length };
  let longest = 0;
  await way.run(60_000, media, { bulk, each: () => (longest = Math.max(longest, way.waitMs)) });
  const sent = way.sent - before.sent;
  await way.run(1_000, 0);
  return {
    lost: way.thrownAway - before.thrownAway + Math.max(0, sent - (way.delaysMs.length - before.at)),
    delays: way.delaysMs.slice(before.at).sort((a, b) => a - b),
    kbps: (way.bulk.arrived * 8) / 60_000,
    longest,
    way,
  };
}
const at = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;

describe('bulk data', () => {
  for (const [kbps, media, least] of [
    [4_000, 1_000, 500],
    [20_000, 3_000, 4_000],
    [1_500, 1_000, 30],
  ] as const) {
    it(`gets on beside ${media} of ${kbps} kbit/s, and costs no picture`, async () => {
      const without = await minute(kbps, media, false);
      const beside = await minute(kbps, media, true);
      // Of thousands; a lost packet is sent again.
      expect(beside.lost).toBeLessThanOrEqual(without.lost + 2);
      expect(beside.kbps).toBeGreaterThan(least);
      expect(at(beside.delays, 0.99)).toBeLessThan(at(without.delays, 0.99) + 100);
      expect(beside.longest).toBeLessThan(without.longest + 100);
    });
  }

  it('waits while the way does not even carry the pictures', async () => {
    const without = await minute(800, 1_000, false);
    const beside = await minute(800, 1_000, true);
    expect(beside.kbps).toBeLessThan(40);
    expect(beside.lost).toBeLessThanOrEqual(without.lost * 1.05);
  });

  it('takes a way that became longer for what it is', async () => {
    const way = new SimulatedWay(new SimulatedClock(), { kbps: 20_000, delayMs: 10, queueBytes: 400_000 });
    await way.run(5_000, 1_000);
    way.link.change({ delayMs: 28 });
    await way.run(10_000, 1_000, { bulk: true });
    const before = way.bulk.arrived;
    await way.run(10_000, 1_000, { bulk: true });
    expect(((way.bulk.arrived - before) * 8) / 10_000).toBeGreaterThan(1_000);
  });

  it('begins with a whole page of a list, however little the way may carry', async () => {
    const way = new SimulatedWay(new SimulatedClock(), { kbps: 4_000, delayMs: 10, queueBytes: 80_000 });
    await way.run(5_000, 1_000);
    const [time, bytes] = [-999_999_999_999_999, 2 ** 31];
    const segments = Array.from({ length: LIST_ENTRIES }, () => ({ key: Number.MAX_SAFE_INTEGER, start: time, end: time, bytes }));
    const page = JSON.stringify({ type: 'listed', id: 0xffffffff, segments, more: true } satisfies BulkReply);
    let went = false;
    await way.run(5_000, 1_000, { each: () => (went ||= way.control.bulk.take(page.length)) });
    expect(went).toBe(true);
  });

  it('is not sent before the other end tells of arrivals', () => {
    const way = new SimulatedWay(new SimulatedClock(), {});
    expect(way.control.bulk.take(1_000)).toBe(false);
  });
});
