import { describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { interruptionOf } from './interruption.ts';

const T0 = Date.UTC(2026, 10, 23);
const HOUR = 3_600_000;
/** What passed between two looks: on the wall, in the process, since the computer was started. */
const between = (wall: number, ran: number, up = ran, noticed = false) =>
  interruptionOf({ wall: utcMs(T0), ran: 5, up: 7_000 }, { wall: utcMs(T0 + wall), ran: 5 + ran, up: 7_000 + up }, noticed).map(
    ({ start, end, reason, weak }) => `${start - T0}-${end - T0} ${reason}${weak ? ' (weak)' : ''}`,
  );

describe('what happened between two looks at the clocks', () => {
  it('is nothing while they go together, by and large', () => {
    expect(between(1_000, 1_000)).toEqual([]);
    expect(between(1_400, 1_000)).toEqual([]);
    expect(between(9_000, 9_000)).toEqual([]);
    expect(between(1_000, 1_000, 0)).toEqual([]);
  });

  it('is sleep when the computer was up and the process stood still', () => {
    expect(between(8 * HOUR, 900, 8 * HOUR)).toEqual([`0-${8 * HOUR} asleep`]);
  });

  it('is sleep when all clocks went on and the computer had said so; else the process was held up, and no more is claimed', () => {
    expect(between(8 * HOUR, 8 * HOUR, 8 * HOUR, true)).toEqual([`0-${8 * HOUR} asleep`]);
    expect(between(20_000, 20_000, 20_000, true)).toEqual(['0-20000 asleep']);
    expect(between(20_000, 20_000, 20_000)).toEqual([]);
    expect(between(8 * HOUR, 8 * HOUR, 8 * HOUR)).toEqual([`0-${8 * HOUR} app-not-running`]);
  });

  it('is a clock that was set, either way: forward leaves time out, back brings it twice', () => {
    expect(between(3 * HOUR, 1_000)).toEqual([`0-${3 * HOUR} clock-set`]);
    expect(between(-3 * HOUR, 1_000)).toEqual([`${-3 * HOUR}-1000 clock-set (weak)`]);
    expect(between(3 * HOUR, 1_000, 1_000, true)).toEqual([`0-${3 * HOUR} asleep`]);
  });

  it('is both when the clock was set while the computer slept', () => {
    expect(between(9 * HOUR, 1_000, 8 * HOUR)).toEqual([`0-${8 * HOUR} asleep`, `${8 * HOUR}-${9 * HOUR} clock-set`]);
    expect(between(7 * HOUR, 1_000, 8 * HOUR)).toEqual([`0-${7 * HOUR} asleep`, `${7 * HOUR}-${8 * HOUR} clock-set (weak)`]);
    expect(between(-1 * HOUR, 1_000, 8 * HOUR)).toEqual([`${-HOUR}-${8 * HOUR} clock-set (weak)`]);
  });
});
