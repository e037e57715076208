import { expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import type { Gap, Recordings } from '../../electron/contract/model.ts';
import { accountOf, accountText, total } from './account.ts';
import { growthPerHour } from './trend.ts';

const span = (from: number, to: number) => ({ from: utcMs(from), to: utcMs(to) });
const gap = (from: number, to: number, reason: Gap['reason']): Gap => ({ ...span(from, to), reason, text: 'Why.' });
const answer: Recordings = {
  spans: [span(0, 10), span(30, 40)],
  healed: [span(30, 35)],
  gaps: [gap(10, 25, 'disk-full'), gap(25, 30, 'unknown')],
  coverage: 0.5,
};

it('every second is recorded, explained or unexplained', () => {
  const account = accountOf(answer, 0, 40);
  expect(account).toMatchObject({ owed: 40, recorded: 20, healed: 5, explained: { 'disk-full': 15 }, unexplained: 5 });
  expect(account.riddles).toEqual([{ from: 25, to: 30, text: 'Why.' }]);
  expect(total([account, account])).toMatchObject({ owed: 80, recorded: 40, explained: { 'disk-full': 30 }, unexplained: 10 });
  expect(accountText(account)).toContain('disk-full');
});

it('a ledger that leaves time out, or says it twice, is no account', () => {
  expect(() => accountOf(answer, 0, 41)).toThrow('ends');
  expect(() => accountOf({ ...answer, gaps: answer.gaps.slice(1) }, 0, 40)).toThrow('does not tile');
  expect(() => accountOf({ ...answer, spans: [span(0, 12), span(30, 40)] }, 0, 40)).toThrow('does not tile');
});

it('growth is the slope of memory over time', () => {
  const points = [0, 1, 2, 3].map((i) => ({ at: i * 900_000, bytes: 1_000 + i * 250 }));
  expect(growthPerHour(points)).toBeCloseTo(1_000);
  expect(growthPerHour(points.slice(0, 1))).toBe(0);
});
