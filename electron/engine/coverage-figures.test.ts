import { expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { GapReason } from '../contract/model.ts';
import { CoverageFigures } from './coverage-figures.ts';

const T0 = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;

/** Stands at the far end: recorded up to an hour before T0, then away, and from T0 on ten seconds of each minute are missing. */
function tile({ from, to }: { from: UtcMs; to: UtcMs }) {
  const spans: { from: UtcMs; to: UtcMs }[] = [];
  const pieces: { from: number; to: number; reason: GapReason; text: string; owed: boolean }[] = [];
  const add = (start: number, end: number, reason: GapReason | null) => {
    const [a, b] = [Math.max(start, from), Math.min(end, to)];
    if (b <= a) return;
    if (reason) pieces.push({ from: a, to: b, reason, text: '', owed: true });
    else spans.push({ from: utcMs(a), to: utcMs(b) });
  };
  add(T0 - 100 * 24 * HOUR, T0 - HOUR, null);
  add(T0 - HOUR, T0, 'app-not-running');
  for (let at = T0; at < to; at += 60_000) {
    add(at, at + 10_000, at % 120_000 === 0 ? 'schedule' : 'session-lost');
    add(at + 10_000, at + 60_000, null);
  }
  return Promise.resolve({ spans, healed: [], pieces });
}

it('counts each second once, when it is settled, and the absence before its process', async () => {
  const clock = new SimulatedClock(T0);
  const figures = new CoverageFigures({ tile }, clock);
  const seconds = async () =>
    Object.fromEntries((await figures.of(['cam-a']))[0]?.missing.map(({ reason, seconds: of }) => [reason, of]) ?? []);
  await clock.advance(60_000);
  expect(await seconds()).toEqual({ 'app-not-running': 3_600 });
  await clock.advance(125_000);
  const [both, again] = await Promise.all([seconds(), seconds()]);
  expect(again).toEqual(both);
  expect(both).toEqual({ 'app-not-running': 3_600, 'schedule': 15, 'session-lost': 10 });
  await clock.advance(10 * 60_000);
  expect(await seconds()).toEqual({ 'app-not-running': 3_600, 'schedule': 65, 'session-lost': 60 });
  // What the schedule leaves out is not owed.
  const ratio = (await figures.of(['cam-a']))[0]?.ratio ?? 0;
  expect(ratio).toBeGreaterThan(0.95);
  expect(ratio).toBeLessThan(0.96);
});
