import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { dayStart, wallTime } from '../time/zone.ts';
import { msPerPixel, type View } from './scale.ts';
import { ticks, tickStep } from './ticks.ts';

const HOUR = 3_600_000;
const utc = (text: string) => utcMs(Date.parse(text));
const over = (from: string, ms: number, width = 1280): View => ({ from: utc(from), to: utcMs(utc(from) + ms), width });

describe('tickStep', () => {
  it('is round, and leaves room for the labels, at every zoom', () => {
    for (let span = 1000; span <= 7 * 24 * HOUR; span *= 1.7) {
      const view = over('2026-11-23T08:00:00Z', span);
      expect(tickStep(view) / msPerPixel(view)).toBeGreaterThanOrEqual(88);
    }
  });

  it('goes from tenths of a second to days', () => {
    expect(tickStep(over('2026-11-23T08:00:00Z', 1000))).toBe(100);
    expect(tickStep(over('2026-11-23T08:00:00Z', 24 * HOUR))).toBe(2 * HOUR);
    expect(tickStep(over('2026-11-23T08:00:00Z', 7 * 24 * HOUR))).toBe(12 * HOUR);
  });
});

describe('ticks', () => {
  it('stand on round wall-clock times in zones off the whole hour', () => {
    for (const zone of ['Asia/Kathmandu', 'Asia/Kolkata', 'America/St_Johns']) {
      const found = ticks(over('2026-11-23T08:03:00Z', HOUR), zone, 600_000);
      expect(found).toHaveLength(6);
      for (const { at } of found) expect(wallTime(at, zone).minute % 10).toBe(0);
    }
  });

  it('lie within the view, in order', () => {
    const view = over('2026-11-23T08:03:00Z', 26 * HOUR);
    const found = ticks(view, 'Europe/Berlin').map(({ at }) => at);
    expect(found.every((at) => at >= view.from && at <= view.to)).toBe(true);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it('mark midnight with the day', () => {
    const days = ticks(over('2026-11-22T12:00:00Z', 24 * HOUR), 'Europe/Berlin', HOUR).filter(({ day }) => day);
    expect(days.map(({ at }) => at)).toEqual([utc('2026-11-22T23:00:00Z')]);
    expect(days[0]?.label).toContain('23');
  });

  it.each([
    ['autumn, 25 hours', '2026-10-25T12:00:00Z', 25],
    ['spring, 23 hours', '2026-03-29T12:00:00Z', 23],
  ])('give a day on which clocks change its hours: %s', (_name, noon, hours) => {
    const from = dayStart(utc(noon), 'Europe/Berlin');
    const to = dayStart(utc(noon), 'Europe/Berlin', 1);
    const found = ticks({ from, to: utcMs(to - 1), width: 4000 }, 'Europe/Berlin', HOUR);
    expect(found).toHaveLength(hours);
    for (const [i, { at }] of found.entries()) expect(at).toBe(from + i * HOUR);
  });

  it('stay on the wall clock’s hours after clocks changed', () => {
    const found = ticks(over('2026-10-24T22:00:00Z', 24 * HOUR), 'Europe/Berlin', 6 * HOUR);
    expect(found.map(({ at }) => wallTime(at, 'Europe/Berlin').hour)).toEqual([0, 6, 12, 18]);
    expect(found[1]?.at).toBe(utc('2026-10-25T05:00:00Z'));
  });

  it('label tenths of a second within a second', () => {
    const found = ticks(over('2026-11-23T08:00:59.500Z', 1000), 'UTC');
    expect(found.map(({ label }) => label)).toContain('59.7 s');
    expect(found.map(({ label }) => label)).toContain('0.2 s');
  });
});
