import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { DetectorHealth, type DetectorState } from './detector-health.ts';

let clock: SimulatedClock;
let health: DetectorHealth;
let told: DetectorState[];

beforeEach(() => {
  clock = new SimulatedClock(1_000_000);
  told = [];
  health = new DetectorHealth(clock, (state) => told.push(state));
});
const states = () => told.map(({ state }) => state);

/** Ten frames a second, of which one in two seconds is decoded; what becomes of the nth is said. */
async function watch(seconds: number, of: (n: number) => { taken: boolean; lateMs?: number }): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    for (let frame = 0; frame < 10; frame++) health.offered();
    if (second % 2 === 0) {
      const { taken, lateMs = 0 } = of(second / 2);
      health.wanted(taken);
      if (taken) health.picture(lateMs);
    }
    await clock.advance(1_000);
    health.check();
  }
}

describe('a detector', () => {
  it('that gets its pictures in time is watching', async () => {
    await watch(60, () => ({ taken: true, lateMs: 300 }));
    expect(states()).toEqual(['watching']);
  });

  it('that leaves out every second keyframe is too slow, however many frames there are that need no decoding', async () => {
    await watch(30, (n) => ({ taken: n % 2 === 0 }));
    expect(states()).toEqual(['watching', 'unhealthy']);
    expect(health.state.text).toContain('too slow');
  });

  it('whose pictures come too late for the pre-roll is too slow, and is trusted again when they have come in time for a while', async () => {
    await watch(30, (n) => ({ taken: true, lateMs: n * 1_000 }));
    expect(states()).toEqual(['watching', 'unhealthy']);
    expect(health.state.text).toContain('too slow');
    await watch(14, () => ({ taken: true }));
    expect(states()).toEqual(['watching', 'unhealthy']);
    await watch(4, () => ({ taken: true }));
    expect(states()).toEqual(['watching', 'unhealthy', 'watching']);
  });

  it('says why it failed, also while no other one gives anything', async () => {
    health.failed('No ffmpeg was found.');
    for (let second = 0; second < 20; second++) {
      health.offered();
      await clock.advance(1_000);
      health.check();
    }
    expect(told).toEqual([{ state: 'unhealthy', text: 'No ffmpeg was found.' }]);
  });
});
