import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { Pacer } from './bandwidth-pacer.ts';

let clock: SimulatedClock;
let bps: number;
let pacer: Pacer;
beforeEach(() => {
  clock = new SimulatedClock();
  bps = 8_000_000;
  pacer = new Pacer(clock, () => bps);
});

/** Sends packets of 1000 bytes for as long as may be, each ms. */
async function send(ms: number): Promise<number> {
  let bytes = 0;
  for (let passed = 0; passed < ms; passed += 1) {
    for (; pacer.available > 0; bytes += 1000) pacer.spend(1000);
    await clock.advance(1);
  }
  return bytes;
}

describe('a pacer', () => {
  it('lets through the rate, and little more at once', async () => {
    const first = await send(1);
    expect(first).toBeGreaterThanOrEqual(13_000);
    expect(first).toBeLessThanOrEqual(14_000);
    const second = await send(1_000);
    expect(second).toBeGreaterThan(980_000);
    expect(second).toBeLessThan(1_020_000);
    await clock.advance(60_000);
    expect(await send(1)).toBeLessThanOrEqual(14_000);
  });

  it('always lets a packet or two through, however thin the way', () => {
    bps = 64_000;
    expect(new Pacer(clock, () => bps).available).toBeGreaterThanOrEqual(2_400);
  });

  it('repairs first, out of the same rate, and no more than half of it', async () => {
    await send(1_000);
    let repaired = 0;
    let media = 0;
    for (let passed = 0; passed < 10_000; passed += 1) {
      for (; pacer.repair(1000); repaired += 1000);
      for (; pacer.available > 0; media += 1000) pacer.spend(1000);
      await clock.advance(1);
    }
    expect(repaired).toBeGreaterThan(4_500_000);
    expect(repaired).toBeLessThan(5_500_000);
    expect(repaired + media).toBeLessThan(10_200_000);
    expect(media).toBeGreaterThan(4_000_000);
    expect(pacer.refused).toBeGreaterThan(0);
  });

  it('lets what may wait have the rest, and no more than the rate in all, also when it is asked for late', async () => {
    let media = 0;
    let rest = 0;
    for (let passed = 0; passed < 10_000; passed += 25) {
      for (; pacer.available > 0 && media < passed * 40; media += 1000) pacer.spend(1000);
      for (; pacer.takeSpare(1000); rest += 1000);
      await clock.advance(25);
    }
    const whole = (bps / 8) * 10;
    expect(media).toBeGreaterThan(390_000);
    expect(media + rest).toBeLessThan(whole * 1.02);
    expect(rest).toBeGreaterThan(whole * 0.5 - media);
  });
});
