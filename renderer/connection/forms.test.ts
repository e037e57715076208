import { describe, expect, it } from 'vitest';
import type { NatSettings } from '../../electron/contract/model.ts';
import { natForm, readNatForm } from './nat-form.ts';
import { readRelayForm, relayForm, sameRelayForm } from './relay-form.ts';

describe('what a camera may send through relays', () => {
  it('comes back from the form as it went in', () => {
    for (const policy of [{ kind: 'allow' }, { kind: 'never' }, { kind: 'budget', bytesPerMonth: 2_500_000_000 }] as const)
      expect(readRelayForm(relayForm(policy))).toEqual({ policy });
  });

  it.each([
    ['5', 5_000_000_000],
    [' 0,5 ', 500_000_000],
    ['.25', 250_000_000],
    ['1000000', 1e15],
  ])('takes %o for a number of gigabytes', (gigabytes, bytesPerMonth) =>
    expect(readRelayForm({ kind: 'budget', gigabytes })).toEqual({ policy: { kind: 'budget', bytesPerMonth } }),
  );

  it.each(['', 'five', '-1', '1e3', '1.2.3', '0', '0.0001', '2000000', '5 GB'])('says what is wrong with %o', (gigabytes) =>
    expect(readRelayForm({ kind: 'budget', gigabytes })).toEqual({ fault: expect.stringMatching(/^[A-Z].*\.$/) as unknown }),
  );

  it('does not judge a number that is not asked for', () => {
    expect(readRelayForm({ kind: 'never', gigabytes: 'what?' })).toEqual({ policy: { kind: 'never' } });
  });

  it('is the same only with the same limit', () => {
    const budget = { kind: 'budget', gigabytes: '0.5' } as const;
    expect(sameRelayForm(budget, { ...budget, gigabytes: ' 0,5' })).toBe(true);
    expect(sameRelayForm(budget, { ...budget, gigabytes: '6' })).toBe(false);
    expect(sameRelayForm(budget, { ...budget, kind: 'allow' })).toBe(false);
    expect(sameRelayForm({ kind: 'never', gigabytes: '1' }, { kind: 'never', gigabytes: '2' })).toBe(true);
  });
});

describe('what may be spent on a direct way', () => {
  const settings: NatSettings = { punch: { enabled: true, probes: 1024, perSecond: 500, seconds: 10 }, portMapping: false };

  it('comes back from the form as it went in', () => {
    expect(readNatForm(natForm(settings))).toEqual({ settings });
  });

  it('is refused field by field', () => {
    const read = readNatForm({ ...natForm(settings), probes: '1025', perSecond: '99', seconds: 'ten' });
    expect(read).toEqual({
      faults: { probes: 'A whole number from 1 to 1024.', perSecond: expect.any(String), seconds: expect.any(String) },
    });
    expect(readNatForm({ ...natForm(settings), seconds: '1.5' })).toHaveProperty('faults.seconds');
  });
});
