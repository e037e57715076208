import { describe, expect, it } from 'vitest';
import type { CandidatePair, ClassicalNat, NatSummary } from '../../electron/contract/model.ts';
import { allocationWords, CLASSICAL_NAMES, natMeaning, natName, outlook as outlookOf, verdict } from './nat-words.ts';
import { inOrder, pairResult, took } from './path-words.ts';

const nat = (classical: ClassicalNat, changes: Partial<NatSummary> = {}): NatSummary => ({
  mapping: 'unknown',
  filtering: 'unknown',
  classical,
  publicAddress: '203.0.113.5',
  allocation: 'unknown',
  allocationStep: null,
  portMapping: null,
  ipv6: false,
  cgnat: false,
  ...changes,
});
const outlook = (summary: NatSummary, punching = true) => outlookOf(summary, punching);
const pair = (changes: Partial<CandidatePair>): CandidatePair => ({
  local: '10.0.0.2:1',
  localKind: 'host',
  remote: '10.0.0.3:2',
  remoteKind: 'host',
  protocol: 'udp',
  state: 'failed',
  nominated: false,
  rttMs: null,
  ...changes,
});

describe('what to expect of a network', () => {
  it.each(Object.keys(CLASSICAL_NAMES) as ClassicalNat[])('%s: a headline and at least one sentence', (classical) => {
    expect(verdict(nat(classical))).not.toBe('');
    for (const line of outlook(nat(classical))) expect(line).toMatch(/^[A-Z].*\.$/);
    expect(outlook(nat(classical)).length).toBeGreaterThan(0);
  });

  it('an opened port makes up for the worst router, but not behind a provider that translates once more', () => {
    expect(verdict(nat('symmetric', { portMapping: 'upnp' }))).toBe(verdict(nat('open')));
    expect(outlook(nat('symmetric', { portMapping: 'upnp' })).join()).toMatch(/UPnP-IGD.*Every camera/);
    const shared = nat('symmetric', { portMapping: 'upnp', cgnat: true });
    expect(verdict(shared)).toBe(verdict(nat('symmetric')));
    expect(outlook(shared).join()).toMatch(/relay.*share one public address/);
  });

  it('reckons with the strictest that fits where nobody could tell who is let in', () => {
    const cone = nat('unknown', { mapping: 'endpoint-independent' });
    expect(verdict(cone)).toBe(verdict(nat('port-restricted-cone')));
    expect(outlook(cone)).toEqual(outlook(nat('port-restricted-cone')));
    expect(natName(cone)).toMatch(/cone/);
    expect(natMeaning(cone)).toMatch(/not known; supposed is the strictest/);
    expect(natMeaning(nat('port-restricted-cone'))).not.toMatch(/supposed/);
    expect(verdict(nat('unknown', { mapping: 'none' }))).toBe(verdict(nat('firewall')));
    expect(verdict(nat('unknown'))).toMatch(/Not known/);
  });

  it('promises no direct way where no UDP goes out', () => {
    expect(outlook(nat('udp-blocked', { ipv6: true })).join(' ')).toMatch(/through a relay/);
    expect(outlook(nat('udp-blocked')).join(' ')).not.toMatch(/will be direct/);
  });

  it('promises no attempts that are switched off', () => {
    for (const classical of ['symmetric', 'port-restricted-cone', 'firewall'] as const) {
      expect(outlook(nat(classical)).join()).toMatch(/trying many ports\./);
      expect(outlook(nat(classical), false).join()).toMatch(/switched off/);
    }
  });

  it('tells how ports are given out', () => {
    expect(allocationWords(nat('symmetric', { allocation: 'sequential', allocationStep: -2 }))).toBe('One after the other, -2 each');
    expect(allocationWords(nat('symmetric', { allocation: 'sequential' }))).toBe('One after the other');
    expect(allocationWords(nat('symmetric', { allocation: 'preserved' }))).toBe('Kept as inside');
  });
});

describe('what was tried', () => {
  it('is told by its result', () => {
    expect(pairResult(pair({ state: 'succeeded', nominated: true, rttMs: 12.4 }))).toBe('In use · 12 ms');
    expect(pairResult(pair({ state: 'succeeded', rttMs: 30 }))).toBe('Works · 30 ms');
    expect(pairResult(pair({ state: 'failed', nominated: true, rttMs: 5 }))).toBe('No answer');
    expect([took(420), took(12_300)]).toEqual(['0.4 s', '12 s']);
  });

  it('begins with the pair in use, and what did not answer comes last', () => {
    const pairs = [
      pair({ local: 'failed' }),
      pair({ local: 'waiting', state: 'waiting' }),
      pair({ local: 'works', state: 'succeeded' }),
      pair({ local: 'used', state: 'succeeded', nominated: true }),
    ];
    expect(inOrder(pairs).map(({ local }) => local)).toEqual(['used', 'works', 'waiting', 'failed']);
  });
});
