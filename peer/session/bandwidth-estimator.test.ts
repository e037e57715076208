import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import type { Impairment } from '../../test/fakes/impaired-link.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedWay } from '../../test/fakes/simulated-way.ts';
import { BandwidthEstimator, LEAST_BPS, MOST_BPS } from './bandwidth-estimator.ts';

const MAIN = 2_000;
const SUB = 300;

const way = (impairment: Partial<Impairment>): SimulatedWay => new SimulatedWay(new SimulatedClock(), { delayMs: 20, ...impairment });
const kbps = (made: SimulatedWay): number => (made.control.estimateBps ?? 0) / 1_000;

/** The greatest values while it ran. */
async function worst(
  made: SimulatedWay,
  ms: number,
  rate: number,
): Promise<{ waitMs: number; queueMs: number; least: number; most: number }> {
  const seen = { waitMs: 0, queueMs: 0, least: Infinity, most: 0 };
  await made.run(ms, rate, {
    each: () => {
      seen.waitMs = Math.max(seen.waitMs, made.waitMs);
      seen.queueMs = Math.max(seen.queueMs, made.link.queueMs);
      seen.least = Math.min(seen.least, kbps(made));
      seen.most = Math.max(seen.most, kbps(made));
    },
  });
  return seen;
}

describe('the estimate of a way', () => {
  it('that is wide lies far above what the camera sends, and holds nothing up', async () => {
    const wide = way({ kbps: 20_000 });
    await wide.run(1_000, MAIN);
    const { waitMs, least } = await worst(wide, 9_000, MAIN);
    expect(least).toBeGreaterThan(2 * MAIN);
    expect(waitMs).toBeLessThanOrEqual(80);
  });

  it('that is too thin is found within two seconds, by growing delay, and from then on the queue on the way stays short', async () => {
    const thin = way({ kbps: 600, queueBytes: 64 * 1024 });
    await thin.run(1_500, MAIN);
    expect(kbps(thin)).toBeLessThan(600);
    await thin.run(2_500, MAIN);
    const { dropped } = thin.link.counters;
    const { queueMs, least, most } = await worst(thin, 10_000, MAIN);
    expect(least).toBeGreaterThan(450);
    expect(most).toBeLessThan(750);
    expect(queueMs).toBeLessThan(200);
    expect(thin.link.counters.dropped).toBe(dropped);
  });

  it('that has hardly any queue is found by its loss', async () => {
    const policed = way({ kbps: 600, queueBytes: 4_000 });
    await policed.run(3_000, MAIN);
    const { dropped, sent } = policed.link.counters;
    const { least, most } = await worst(policed, 10_000, MAIN);
    expect(least).toBeGreaterThan(400);
    expect(most).toBeLessThan(800);
    const after = policed.link.counters;
    expect((after.dropped - dropped) / (after.sent - sent)).toBeLessThan(0.05);
  });

  it('with an endless queue is kept out of it', async () => {
    const bloated = way({ kbps: 1_500, queueBytes: 10_000_000 });
    await bloated.run(3_000, MAIN);
    expect((await worst(bloated, 10_000, MAIN)).queueMs).toBeLessThan(200);
  });

  it('follows when the way becomes thin', async () => {
    const changing = way({ kbps: 20_000 });
    await changing.run(4_000, MAIN);
    changing.link.change({ kbps: 600 });
    await changing.run(2_000, MAIN);
    expect(kbps(changing)).toBeLessThan(700);
  });

  it('stays where it was when packets are lost at random, be it one in seven', async () => {
    for (const loss of [0.02, 0.05, 0.15]) {
      const lossy = way({ loss });
      await lossy.run(4_000, MAIN);
      const { least, waitMs } = await worst(lossy, 8_000, MAIN);
      expect(least).toBeGreaterThan(2 * MAIN);
      expect(waitMs).toBeLessThanOrEqual(80);
    }
  });

  it('is not misled by packets that waver and overtake each other, nor by doubles', async () => {
    const wavering = way({ jitterMs: 30, duplicates: 0.05 });
    await wavering.run(1_000, MAIN);
    const { least, waitMs } = await worst(wavering, 10_000, MAIN);
    expect(least).toBeGreaterThan(2 * MAIN);
    expect(waitMs).toBeLessThanOrEqual(80);
  });

  it('is not misled by a way that is longer all at once, nor by a viewer that was busy with something else', async () => {
    const stepped = way({});
    await stepped.run(3_000, MAIN);
    stepped.link.change({ delayMs: 200 });
    expect((await worst(stepped, 5_000, MAIN)).least).toBeGreaterThan(2 * MAIN);
    for (const ms of [150, 300, 700]) {
      stepped.stall(ms);
      expect((await worst(stepped, 3_000, MAIN)).least).toBeGreaterThan(2 * MAIN);
    }
  });

  it('survives an outage: it is what it was soon after', async () => {
    const cut = way({ kbps: 20_000 });
    await cut.run(3_000, MAIN);
    cut.link.change({ cut: true });
    await cut.run(2_500, MAIN);
    cut.link.change({ cut: false });
    await cut.run(2_000, MAIN);
    expect((await worst(cut, 2_000, MAIN)).least).toBeGreaterThan(MAIN);
  });

  it('goes up by probes only, where little is sent; and a probe of a thin way harms nobody', async () => {
    const recovering = way({ kbps: 600, queueBytes: 64 * 1024 });
    await recovering.run(6_000, MAIN);
    await recovering.run(2_000, SUB);
    const { dropped } = recovering.link.counters;
    for (let round = 0; round < 5; round += 1) {
      expect(recovering.control.probe(1_200_000)).toBe(true);
      expect(recovering.control.probe(1_200_000)).toBe(false);
      expect((await worst(recovering, 2_000, SUB)).queueMs).toBeLessThan(350);
      expect(kbps(recovering)).toBeLessThan(800);
    }
    expect(recovering.link.counters.dropped).toBe(dropped);
    recovering.link.change({ kbps: 20_000 });
    await recovering.run(3_000, SUB);
    expect(kbps(recovering)).toBeLessThan(1.3 * MAIN);
    for (const bps of [1_200_000, 2_400_000, 3_000_000]) {
      recovering.control.probe(bps);
      await recovering.run(1_000, SUB);
      expect(recovering.control.isProbing).toBe(false);
      expect(kbps(recovering)).toBeGreaterThan((0.85 * bps) / 1_000);
    }
  });

  it('lies within its limits, whatever is reported', () => {
    const random = seededRandom(8);
    const estimator = new BandwidthEstimator();
    let now = 0;
    for (let round = 0; round < 1_500; round += 1) {
      const reports = Array.from({ length: Math.floor(random() * 20) }, () => ({
        sentAt: now - random() * 1_000,
        arrivedAt: random() < 0.3 ? null : (random() - 0.5) * 1e6,
        bytes: Math.floor(random() * 65_536),
        wasLate: random() < 0.1,
        probe: 0,
      }));
      now += random() * 300;
      estimator.take(reports, now, random() * 1_000);
      if (random() < 0.01) estimator.reset(now);
      if (random() < 0.01) estimator.proved(random() * 1e9);
      expect(estimator.bps >= LEAST_BPS && estimator.bps <= MOST_BPS).toBe(true);
      expect(estimator.queueMs).toBeGreaterThanOrEqual(0);
      expect(estimator.lossShare).toBeLessThanOrEqual(1);
    }
  });
});
