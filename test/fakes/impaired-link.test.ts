import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { ImpairedLink, type Impairment } from './impaired-link.ts';

let clock: SimulatedClock;
let arrived: { number: number; at: number }[];
beforeEach(() => {
  clock = new SimulatedClock();
  arrived = [];
});

/** Sends `count` packets of 1000 bytes, one each `everyMs`, and waits for what is under way. */
async function send(link: ImpairedLink, count: number, everyMs = 1): Promise<number[]> {
  arrived = [];
  for (let number = 0; number < count; number += 1) {
    link.send(1000, () => arrived.push({ number, at: clock.monotonic() }));
    await clock.advance(everyMs);
  }
  await clock.advance(60_000);
  return arrived.map(({ number }) => number);
}
const link = (impairment: Partial<Impairment> = {}, seed = 1) => new ImpairedLink({ clock, seed, impairment });
const all = (count: number) => Array.from({ length: count }, (_, number) => number);
const missing = (numbers: readonly number[], count: number) => all(count).filter((number) => !numbers.includes(number));

describe('a link', () => {
  it('that is perfect passes everything on at once and in order', async () => {
    const perfect = link();
    expect(await send(perfect, 50, 0)).toEqual(all(50));
    expect(arrived.every(({ at }) => at === 0)).toBe(true);
    expect(perfect.counters).toEqual({ sent: 50, lost: 0, dropped: 0, duplicated: 0, delivered: 50, deliveredBytes: 50_000 });
  });

  it('loses the share it was told to, each packet by itself, and the same ones for the same seed', async () => {
    const lossy = link({ loss: 0.1 });
    const first = await send(lossy, 2000);
    expect(lossy.counters.lost).toBe(2000 - first.length);
    expect(lossy.counters.lost).toBeGreaterThan(150);
    expect(lossy.counters.lost).toBeLessThan(250);
    const lost = missing(first, 2000);
    const inARow = lost.filter((number, index) => lost[index + 1] === number + 1).length;
    expect(inARow).toBeLessThan(lost.length / 4);
    expect(await send(link({ loss: 0.1 }), 2000)).toEqual(first);
    expect(await send(link({ loss: 0.1 }, 2), 2000)).not.toEqual(first);
  });

  it('loses several in a row where bursts are wanted', async () => {
    const lost = missing(await send(link({ bursts: { share: 0.01, length: 5 } }), 5000), 5000);
    const begins = lost.filter((number, index) => lost[index - 1] !== number - 1).length;
    expect(lost.length / begins).toBeGreaterThan(3.5);
    expect(lost.length / begins).toBeLessThan(7);
    expect(begins).toBeGreaterThan(25);
    expect(begins).toBeLessThan(80);
  });

  it('delays', async () => {
    await send(link({ delayMs: 20 }), 10, 5);
    expect(arrived.map(({ at }) => at)).toEqual(all(10).map((number) => number * 5 + 20));
  });

  it('with jitter lets packets overtake each other, loses none, and delays none longer than it was told', async () => {
    const order = await send(link({ delayMs: 20, jitterMs: 10 }), 200);
    expect(order).not.toEqual(all(200));
    expect(order.toSorted((a, b) => a - b)).toEqual(all(200));
    for (const { number, at } of arrived) {
      expect(at - number).toBeGreaterThanOrEqual(20);
      expect(at - number).toBeLessThanOrEqual(30);
    }
  });

  it('doubles the share it was told to', async () => {
    const doubling = link({ duplicates: 0.2 });
    const order = await send(doubling, 1000);
    expect(new Set(order).size).toBe(1000);
    expect(order.length).toBe(1000 + doubling.counters.duplicated);
    expect(doubling.counters.duplicated).toBeGreaterThan(150);
    expect(doubling.counters.duplicated).toBeLessThan(250);
  });

  it('carries no more than its rate, in order, and drops what finds no room in its queue', async () => {
    // 1000 bytes each ms are 8 Mbit/s; 800 kbit/s carry one packet in 10 ms.
    const thin = link({ kbps: 800, queueBytes: 10_000 });
    const order = await send(thin, 1000);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const { dropped, lost } = thin.counters;
    expect(lost).toBe(0);
    expect(dropped).toBe(1000 - order.length);
    expect(order.length).toBeGreaterThan(100);
    expect(order.length).toBeLessThan(115);
    for (const [index, { number, at }] of arrived.entries()) {
      if (index > 0) expect(at - (arrived[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(9.99);
      expect(at - number).toBeLessThanOrEqual(120);
    }
    expect(thin.queueMs).toBe(0);
  });

  it('that is cut lets nothing through until it is mended', async () => {
    const cut = link({ cut: true, delayMs: 5 });
    expect(await send(cut, 20)).toEqual([]);
    cut.change({ cut: false });
    expect(await send(cut, 20)).toEqual(all(20));
  });

  it('does all of it at once, and changes for what comes later only', async () => {
    const bad = link({ delayMs: 50 });
    bad.send(1000, () => arrived.push({ number: 0, at: clock.monotonic() }));
    bad.change({ delayMs: 0, loss: 1 });
    bad.send(1000, () => arrived.push({ number: 1, at: clock.monotonic() }));
    await clock.advance(100);
    expect(arrived).toEqual([{ number: 0, at: 50 }]);
    const worst = link({ loss: 0.05, bursts: { share: 0.01, length: 3 }, delayMs: 10, jitterMs: 10, duplicates: 0.1, kbps: 4000 });
    const order = await send(worst, 2000);
    const { sent, lost, dropped, duplicated, delivered } = worst.counters;
    expect(sent).toBe(2000);
    expect(delivered).toBe(order.length);
    expect(delivered).toBe(sent - lost - dropped + duplicated);
    expect(Math.min(lost, dropped, duplicated)).toBeGreaterThan(0);
  });

  it('that is closed delivers nothing more', async () => {
    const closed = link({ delayMs: 10 });
    closed.send(1000, () => arrived.push({ number: 0, at: 0 }));
    closed.close();
    await clock.advance(100);
    expect(arrived).toEqual([]);
  });
});
