import { describe, expect, it } from 'vitest';
import { outlook } from './outlook.ts';
import type { NatFiltering, NatMapping, NatSummary } from './report.ts';
import { directBetween } from './words.ts';

const nat = (mapping: NatMapping, filtering: NatFiltering, other: Partial<NatSummary> = {}): NatSummary => ({
  mapping,
  filtering,
  classical: 'unknown',
  publicAddress: '203.0.113.1',
  allocation: 'random',
  allocationStep: null,
  portMapping: null,
  ipv6: false,
  cgnat: false,
  ...other,
});
const ends = {
  'open': nat('none', 'endpoint-independent'),
  'firewall': nat('none', 'address-and-port-dependent'),
  'full cone': nat('endpoint-independent', 'endpoint-independent'),
  'restricted': nat('endpoint-independent', 'address-dependent'),
  'port-restricted': nat('endpoint-independent', 'address-and-port-dependent'),
  'symmetric': nat('address-and-port-dependent', 'address-and-port-dependent'),
};
const names = Object.keys(ends) as (keyof typeof ends)[];

describe('what is said about two ends', () => {
  it.each(names.flatMap((mine) => names.map((theirs) => [mine, theirs] as const)))('%s and %s', (mine, theirs) => {
    const pair = [mine, theirs];
    const strict = pair.includes('port-restricted') || pair.includes('firewall');
    const expected =
      mine === 'symmetric' && theirs === 'symmetric' ? 'relay-only' : pair.includes('symmetric') && strict ? 'by-punching' : 'yes';
    const { direct, why, advice } = directBetween(ends[mine], ends[theirs]);
    expect(direct).toBe(expected);
    expect(why).toMatch(direct === 'relay-only' ? /^Relayed/ : /^Direct/);
    expect(advice.length > 0).toBe(direct !== 'yes');
    expect(directBetween(ends[theirs], ends[mine]).direct).toBe(expected);
  });

  it('IPv6 on both sides, or a port that one router opens, makes each of them direct', () => {
    for (const mine of names) {
      for (const theirs of names) {
        const six = { ipv6: true };
        expect(directBetween({ ...ends[mine], ...six }, { ...ends[theirs], ...six }).direct).toBe('yes');
        expect(directBetween({ ...ends[mine], ...six }, ends[theirs]).direct).toBe(directBetween(ends[mine], ends[theirs]).direct);
        const opened = directBetween(ends[mine], { ...ends[theirs], portMapping: 'pcp' });
        expect(['yes', 'by-port-mapping']).toContain(opened.direct);
      }
    }
    expect(directBetween(ends.symmetric, { ...ends.symmetric, portMapping: 'upnp' }).why).toContain(
      'the router of the camera opens a port when asked (UPnP)',
    );
  });

  it('without UDP all is relayed, and who can change that is named', () => {
    const blocked = nat('unknown', 'unknown', { classical: 'udp-blocked' });
    const words = directBetween(ends.open, blocked);
    expect(words.direct).toBe('relay-only');
    expect(words.why).toContain('the network of the camera lets no UDP out');
    expect(words.advice).toEqual(['Ask whoever runs the network of the camera to allow UDP to the internet.']);
  });

  it('the advice is for the end that is hard, and knows the provider’s NAT', () => {
    const hard = nat('address-and-port-dependent', 'address-and-port-dependent', { cgnat: true });
    const { advice, why } = directBetween(ends['port-restricted'], hard);
    expect(why).toContain('the router of the camera gives every destination another port (it is symmetric)');
    expect(why).toContain('the router of this computer lets in only whom it has sent to');
    expect(advice[0]).toContain('Ask the internet provider of the camera for a public IPv4 address');
    expect(advice.join(' ')).toContain('Switch on IPv6 in the network of this computer and of the camera.');
    expect(directBetween(ends.firewall, hard).why).toContain('the firewall of this computer');
    expect(directBetween(ends.firewall, hard).advice.join()).not.toContain('in the router of this computer');
    const counted = { ...hard, allocation: 'sequential', allocationStep: 1 } as const;
    expect(directBetween(ends.firewall, counted).why).toContain('working out the next port');
    const named = directBetween(ends.symmetric, ends.symmetric, { mine: 'the app', theirs: 'Yard' });
    expect(named.why + named.advice.join()).toMatch(/the app.*Yard/);
  });

  it('says so where not all is known', () => {
    expect(directBetween(nat('unknown', 'unknown'), ends['full cone']).why).toContain('as far as is known');
    expect(directBetween(ends['full cone'], ends['full cone']).why).not.toContain('as far as is known');
  });

  it('has an outlook for cameras of which nothing is known yet', () => {
    expect(outlook(ends.symmetric).map(({ words }) => words.direct)).toEqual([
      'by-punching',
      'relay-only',
      'by-punching',
      'relay-only',
      'relay-only',
    ]);
    expect(outlook(ends.open).map(({ words }) => words.direct)).toEqual(['yes', 'yes', 'yes', 'yes', 'relay-only']);
  });
});
