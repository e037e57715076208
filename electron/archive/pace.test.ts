import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { Pace } from './pace.ts';

describe('the pace of copying', () => {
  it('keeps to its rate over many pieces, and measures it', async () => {
    const clock = new SimulatedClock();
    const pace = new Pace(clock, () => 800);
    let sent = 0;
    const copying = (async () => {
      for (; sent < 7_000_000; sent += 10_000) {
        await pace.wait(10_000);
        pace.sent(10_000);
      }
    })();
    for (let step = 0; step < 600; step += 1) await clock.advance(100);
    // 100 kB a second, and the first piece at once.
    expect(sent).toBeGreaterThan(5_900_000);
    expect(sent).toBeLessThanOrEqual(6_010_000);
    expect(pace.rate).toBeGreaterThan(98_000);
    expect(pace.rate).toBeLessThan(102_000);
    for (let step = 0; step < 110; step += 1) await clock.advance(100);
    await copying;
  });

  it('holds nothing up where there is no limit, and none of an earlier one is left', async () => {
    const clock = new SimulatedClock();
    let kbps: number | null = 64;
    const pace = new Pace(clock, () => kbps);
    await pace.wait(1_000_000);
    kbps = null;
    await pace.wait(1_000_000);
    kbps = 64;
    await pace.wait(1_000_000);
    expect(clock.monotonic()).toBe(0);
  });

  it('waits no longer than it is told to, and who stops owes nothing', async () => {
    const clock = new SimulatedClock();
    const pace = new Pace(clock, () => 64);
    await pace.wait(80_000);
    const stop = new AbortController();
    const waiting = pace.wait(80_000, stop.signal);
    stop.abort();
    await waiting;
    await pace.wait(80_000, stop.signal);
    await pace.wait(80_000);
    expect(clock.monotonic()).toBe(0);
  });
});
