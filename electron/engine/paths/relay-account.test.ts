import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../base/clock.ts';
import type { RelayPolicy } from '../../contract/model.ts';
import { monthOf, RelayAccount } from './relay-account.ts';

const GB = 1_000_000_000;
const DAY = 86_400_000;

function setUp(policy: RelayPolicy, bytes = 0, start = Date.UTC(2026, 0, 30)) {
  const clock = new SimulatedClock(start);
  const account = new RelayAccount({ clock, policy, bytes });
  let changes = 0;
  account.changed.on(() => (changes += 1));
  return { clock, account, changes: () => changes };
}

describe('what a camera may send through relays', () => {
  it('is as much as comes, nothing, or what is left of the month', () => {
    expect(setUp({ kind: 'allow' }, 900 * GB).account.allowed()).toBe(true);
    const never = setUp({ kind: 'never' }).account;
    expect(never.allowed()).toBe(false);
    expect(never.refusal()).toMatchObject({
      code: 'relay-not-allowed',
      text: expect.stringContaining('set never to use a relay') as unknown,
    });
    const budget = setUp({ kind: 'budget', bytesPerMonth: 5 * GB }, 5 * GB - 10).account;
    expect(budget.refusal()).toBeNull();
    budget.count(10);
    expect(budget.refusal()).toMatchObject({ code: 'relay-budget-spent', text: expect.stringContaining('5 GB') as unknown });
  });

  it('is told to whom it concerns, once at each turn', () => {
    const { account, changes } = setUp({ kind: 'budget', bytesPerMonth: GB });
    account.count(GB - 1);
    expect(changes()).toBe(0);
    account.count(GB);
    account.count(GB + 1);
    expect(changes()).toBe(1);
    account.policy = { kind: 'budget', bytesPerMonth: 2 * GB };
    expect([changes(), account.allowed()]).toEqual([2, true]);
    account.policy = { kind: 'never' };
    expect([changes(), account.allowed()]).toEqual([3, false]);
  });

  it('begins anew with each month of UTC, by itself', async () => {
    const { account, clock, changes } = setUp({ kind: 'budget', bytesPerMonth: GB }, GB, Date.UTC(2026, 0, 31, 23, 59, 50));
    expect(account.allowed()).toBe(false);
    await clock.advance(10_000);
    account.check();
    expect([account.allowed(), account.bytes, changes()]).toEqual([true, 0, 1]);
  });

  it('is not given once more when the clock is set back', () => {
    const { account, clock } = setUp({ kind: 'budget', bytesPerMonth: GB }, GB, Date.UTC(2026, 1, 1, 1));
    clock.jump(-2 * DAY);
    expect(account.allowed()).toBe(false);
  });
});

describe('bytes', () => {
  it('are counted from a counter that may begin anew', () => {
    const { account } = setUp({ kind: 'allow' }, 100);
    for (const counter of [10, 25, 25, 5, 6]) account.count(counter);
    expect([account.bytes, account.total]).toEqual([131, 31]);
  });

  it('are taken to be written once, and come back when that failed', () => {
    const { account, clock } = setUp({ kind: 'allow' });
    expect(account.take()).toBeNull();
    account.count(40);
    const taken = account.take();
    expect(taken).toEqual({ month: monthOf(clock.now()), bytes: 40 });
    expect(account.take()).toBeNull();
    account.count(50);
    account.giveBack(taken!);
    expect(account.take()?.bytes).toBe(50);
    expect(account.bytes).toBe(50);
  });
});
