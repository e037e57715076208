import { describe, expect, it } from 'vitest';
import { utcMs, type Recordings } from '../../electron/contract/model.ts';
import { gapList, momentWords } from './gap-words.ts';

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
