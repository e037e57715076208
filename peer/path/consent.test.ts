import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { Consent, CONSENT_TIMES, type ConsentState } from './consent.ts';

function consent(answers: () => boolean) {
  const clock = new SimulatedClock();
  const told: { state: ConsentState; at: number }[] = [];
  let checks = 0;
  const made: Consent = new Consent({
    clock,
    random: () => 0.5,
    check: () => {
      checks += 1;
      if (answers()) clock.setTimeout(() => made.answered(), 40);
    },
  });
  made.changed.on((state) => told.push({ state, at: clock.monotonic() }));
  made.start();
  return { clock, made, told, checks: () => checks };
}

describe('consent', () => {
  it('stays fresh while checks are answered, about three in two seconds', async () => {
    const { clock, told, checks } = consent(() => true);
    await clock.advance(60_000);
    expect(told).toEqual([]);
    expect(checks()).toBeGreaterThan(70);
    expect(checks()).toBeLessThan(110);
  });

  it('is in doubt and then lost within five seconds of the last answer', async () => {
    let alive = true;
    const { clock, made, told } = consent(() => alive);
    await clock.advance(10_000);
    alive = false;
    await clock.advance(CONSENT_TIMES.lostMs + 100);
    expect(told.map(({ state }) => state)).toEqual(['doubtful', 'lost']);
    expect((told[1]?.at ?? Infinity) - 10_000).toBeLessThan(5_000);
    expect(made.state).toBe('lost');
  });

  it('asks more often in doubt, and is fresh again by one answer', async () => {
    let alive = false;
    const { clock, made, told, checks } = consent(() => alive);
    await clock.advance(1_500);
    expect(made.state).toBe('doubtful');
    const before = checks();
    await clock.advance(1_000);
    expect(checks() - before).toBeGreaterThanOrEqual(3);
    alive = true;
    await clock.advance(500);
    expect(told.map(({ state }) => state)).toEqual(['doubtful', 'fresh']);
  });

  it('does nothing after close', async () => {
    const { clock, made, told, checks } = consent(() => false);
    made.close();
    await clock.advance(20_000);
    expect([told.length, checks()]).toEqual([0, 0]);
  });
});
