import { expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import { ClockOffset } from './clock-offset.ts';
import { ntpTime } from './ntp.ts';

it('finds how far ahead the other clock is, also over an uneven way', () => {
  const offset = new ClockOffset();
  expect(offset.known).toBe(false);
  for (let round = 0; round < 100; round += 1) {
    const sent = 1_000_000 + round * 1000;
    const there = 5 + (round % 7) * 30;
    const back = 5 + (round % 5) * 40;
    offset.add(sent, sent + there + 3_600_000, sent + there + back);
  }
  expect(offset.offsetMs).toBe(3_600_000);
  expect(offset.rttMs).toBe(10);
});

it('follows when one of the clocks is set', () => {
  const offset = new ClockOffset();
  for (let round = 0; round < 60; round += 1) offset.add(round * 1000, round * 1000 + 5, round * 1000 + 10);
  expect(offset.offsetMs).toBe(0);
  offset.add(61_000, 61_000 + 15 - 5_000, 61_030);
  expect(offset.offsetMs).toBe(-5_000);
});

it('does not believe a clock that went back in between', () => {
  const offset = new ClockOffset();
  offset.add(1000, 900, 500);
  expect(offset.known).toBe(false);
});

it('NTP time has a binary fraction', () => {
  expect(ntpTime(utcMs(0))).toBe(2_208_988_800n << 32n);
  expect(ntpTime(utcMs(1500)) - ntpTime(utcMs(0))).toBe((1n << 32n) + (1n << 31n));
  expect(ntpTime(utcMs(999.9999999)) - ntpTime(utcMs(0))).toBe(1n << 32n);
});
