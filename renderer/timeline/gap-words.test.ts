import { describe, expect, it } from 'vitest';
import { utcMs, type GapReason, type Recordings } from '../../electron/contract/model.ts';
import { gapList, legend, momentWords } from './gap-words.ts';

const at = (ms: number) => utcMs(ms);
const recordings: Recordings = {
  spans: [{ from: at(0), to: at(10_000) }],
  gaps: [
    { from: at(10_000), to: at(20_000), reason: 'ice-failed', text: 'No way through the routers.' },
    { from: at(20_000), to: at(90_000), reason: 'future', text: 'That is still to come.' },
  ],
  healed: [],
  coverage: 0.5,
};

describe('momentWords', () => {
  it('says recorded, or why not', () => {
    expect(momentWords(recordings, at(5000))).toBe('Recorded.');
    expect(momentWords(recordings, at(10_000))).toBe('No way through the routers.');
    expect(momentWords(recordings, at(500_000))).toBe('Not known yet.');
  });
});

describe('gapList', () => {
  it('tells the visible gaps with their times and reasons, and nothing of the future', () => {
    const list = gapList(recordings, at(0), at(90_000), 'UTC');
    expect(list).toHaveLength(1);
    expect(list[0]).toMatch(/:10.*:20.*No way through the routers\./);
    expect(gapList(recordings, at(0), at(5000), 'UTC')).toEqual([]);
  });

  it('tells apart what happens at the same time of several days, and names the days of what lasts over midnight', () => {
    const [day, night] = [86_400_000, 10 * 3_600_000];
    const gaps = [0, 1, 2].map((i) => ({
      from: at(i * day + 20 * 3_600_000),
      to: at(i * day + 20 * 3_600_000 + night),
      reason: 'schedule' as const,
      text: 'The schedule says so.',
    }));
    const list = gapList({ ...recordings, gaps }, at(0), at(7 * day), 'UTC');
    expect(new Set(list).size).toBe(3);
    expect(list[0]).toMatch(/Thu.*Jan 1.* to .*Fri.*Jan 2/);
  });

  it('is limited to the longest, in the order of time', () => {
    const gaps = Array.from({ length: 100 }, (_, i) => ({
      from: at(i * 1000),
      to: at(i * 1000 + i),
      reason: 'unknown' as const,
      text: `${i}`,
    }));
    const list = gapList({ ...recordings, gaps }, at(0), at(1e6), 'UTC', 3);
    expect(list.map((line) => line.split(': ').at(-1))).toEqual(['97', '98', '99']);
  });
});

describe('legend', () => {
  it('has what is in the range, in words that are true of it, and nothing of what is beside it', () => {
    const gap = (from: number, to: number, reason: GapReason) => ({ from: at(from), to: at(to), reason, text: '' });
    const gaps = [gap(0, 10, 'asleep'), gap(10, 20, 'connecting'), gap(30, 40, 'disk-full'), gap(40, 50, 'future')];
    const told = (from: number, to: number) =>
      legend({ spans: [], gaps, healed: [{ from: at(20), to: at(30) }], coverage: 0 }, at(from), at(to));
    expect(told(10, 20)).toEqual([{ kind: 'away', words: 'Connecting' }]);
    expect(told(0, 50)).toEqual([
      { kind: 'healed', words: 'Fetched later' },
      { kind: 'failure', words: 'Failed' },
      { kind: 'away', words: 'Off or asleep, connecting' },
    ]);
    expect(told(40, 50)).toEqual([]);
  });
});
