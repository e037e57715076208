import { describe, expect, it } from 'vitest';
import { utcMs, type HealingStatus } from '../../electron/contract/model.ts';
import { healingLine } from './healing-words.ts';

const idle: HealingStatus = { spool: { since: utcMs(0), reason: null }, fetching: null, problem: null, healedMs: 0 };
const reason = { code: 'disk-full', text: 'The disk is full.' } as const;

describe('healing in words', () => {
  it('is silent while there is nothing to say', () => {
    expect(healingLine(idle)).toBeNull();
    expect(healingLine({ ...idle, spool: null })).toBeNull();
  });

  it('says how much of which outage is here, and never all of it too early', () => {
    const fetching = (share: number) => healingLine({ ...idle, fetching: { from: utcMs(0), to: utcMs(600_000), share } });
    expect(fetching(0.405)).toMatchObject({ text: 'Fetching 10 min that an outage left out: 40 %', share: 0.405, isTrouble: false });
    expect(fetching(1)?.text).toContain('99 %');
  });

  it('says what is wrong, with why for who looks closer', () => {
    expect(healingLine({ ...idle, problem: reason })).toMatchObject({ isTrouble: true, title: 'The disk is full.' });
    expect(healingLine({ ...idle, spool: { since: null, reason } })).toMatchObject({ isTrouble: true, title: 'The disk is full.' });
  });
});
