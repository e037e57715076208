import { describe, expect, it } from 'vitest';
import { SentHistory } from './bandwidth-history.ts';
import { TWCC_WRAP_MS } from './twcc.ts';

const sent = (count: number, history = new SentHistory()): SentHistory => {
  for (let index = 0; index < count; index += 1) history.add(index * 10, 1000 + (index % 7));
  return history;
};

describe('the history of what was sent', () => {
  it('tells of each packet once: when it arrived, or that it was lost', () => {
    const history = sent(5);
    expect(history.nextNumber).toBe(5);
    expect(history.take({ base: 1, arrivals: [500, NaN, 512], count: 0 })).toEqual([
      { sentAt: 10, arrivedAt: 500, bytes: 1001, wasLate: false, probe: 0 },
      { sentAt: 20, arrivedAt: null, bytes: 1002, wasLate: false, probe: 0 },
      { sentAt: 30, arrivedAt: 512, bytes: 1003, wasLate: false, probe: 0 },
    ]);
    expect(history.take({ base: 1, arrivals: [500, NaN, 512], count: 1 })).toEqual([]);
  });

  it('says so when what was called lost had only been late', () => {
    const history = sent(3);
    history.take({ base: 0, arrivals: [1, NaN, 3], count: 0 });
    expect(history.take({ base: 1, arrivals: [9, 3], count: 1 })).toMatchObject([{ sentAt: 10, arrivedAt: 9, wasLate: true }]);
  });

  it('goes on over the wrap of the numbers, and of the receiver’s clock', () => {
    const history = sent(65_540);
    const reports = history.take({ base: 65_534, arrivals: [TWCC_WRAP_MS - 64, TWCC_WRAP_MS - 1, 2, 3], count: 0 });
    expect(reports.map(({ sentAt }) => sentAt)).toEqual([655_340, 655_350, 655_360, 655_370]);
    expect(reports.map(({ arrivedAt }) => (arrivedAt ?? 0) - TWCC_WRAP_MS)).toEqual([-64, -1, 2, 3]);
  });

  it('knows nothing of packets that were never sent, or long ago', () => {
    expect(sent(3).take({ base: 3, arrivals: [1, 2], count: 0 })).toEqual([]);
    expect(sent(3).take({ base: 65_530, arrivals: [1, 2], count: 0 })).toEqual([]);
    expect(sent(10_000).take({ base: 5, arrivals: [1, 2], count: 0 })).toEqual([]);
  });
});
