import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { PeerPolicy, type PeerPolicyOptions } from './peer-policy.ts';

const clock = new SimulatedClock();
const policy = (options: Partial<PeerPolicyOptions> = {}) =>
  new PeerPolicy({
    clock,
    ownAddresses: () => ['203.0.113.1', '203.0.113.9', '2001:db8::1', '192.168.7.7'],
    relayAddresses: [{ local: '203.0.113.1', announced: '203.0.113.1' }],
    allowPrivate: false,
    ...options,
  });

const NEVER = ['0.0.0.0', '0.1.2.3', '169.254.169.254', '192.0.0.8', '224.0.0.251', '239.255.255.255', '240.0.0.1', '255.255.255.255'];
const NEVER_6 = ['::', '::1', '::7f00:1', '::ffff:7f00:1', '::ffff:cb00:7101', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::fb', 'ff0e::1'];
/** IPv4 addresses in IPv6 clothes: NAT64, Teredo, 6to4. */
const DISGUISED = ['64:ff9b::7f00:1', '64:ff9b:1::a00:1', '2001::1', '2002:7f00:1::1'];
const PRIVATE = [
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '100.64.0.1',
  '100.127.255.255',
  '198.18.0.1',
];
const PRIVATE_6 = ['fc00::1', 'fdff::1'];
const PUBLIC = [
  '8.8.8.8',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '100.128.0.1',
  '192.0.1.1',
  '198.51.100.1',
  '203.0.113.2',
  '223.255.255.255',
];
const PUBLIC_6 = ['2001:db8::2', '2600::1', '2003::1', '64:ff9a::1'];

describe('the relay', () => {
  it('reaches public addresses', () => {
    for (const address of [...PUBLIC, ...PUBLIC_6]) expect(policy().verdict(address), address).toBe('open');
  });

  it('reaches neither itself, nor its network, nor many, nor nobody, in whatever clothes', () => {
    for (const address of [...NEVER, ...NEVER_6, ...DISGUISED, ...PRIVATE, ...PRIVATE_6, '127.0.0.1', '127.9.9.9']) {
      expect(policy().verdict(address), address).toBe('refused');
    }
  });

  it('reaches private addresses when it shall, and still no others', () => {
    const lab = policy({ allowPrivate: true });
    for (const address of [...PRIVATE, ...PRIVATE_6]) expect(lab.verdict(address), address).toBe('open');
    for (const address of [...NEVER, ...NEVER_6, ...DISGUISED, '127.0.0.1', '192.168.7.7'])
      expect(lab.verdict(address), address).toBe('refused');
  });

  it('on loopback, in a laboratory, reaches loopback', () => {
    const relayAddresses = [{ local: '127.0.0.1', announced: '127.0.0.1' }];
    expect(policy({ allowPrivate: true, relayAddresses }).verdict('127.0.0.5')).toBe('open');
    expect(policy({ relayAddresses }).verdict('127.0.0.5')).toBe('refused');
    expect(policy({ relayAddresses }).verdict('127.0.0.1')).toBe('own-relay');
  });

  it('knows its own addresses, those it is known by, and those it gets', async () => {
    const own = ['203.0.113.9'];
    const relayAddresses = [{ local: '10.0.0.5', announced: '203.0.113.5' }];
    const natted = policy({ ownAddresses: () => own, relayAddresses, known: [{ local: '10.0.0.6', announced: '203.0.113.6' }] });
    for (const address of ['203.0.113.9', '203.0.113.6', '10.0.0.6']) expect(natted.verdict(address), address).toBe('refused');
    for (const address of ['203.0.113.5', '10.0.0.5']) expect(natted.verdict(address), address).toBe('own-relay');
    expect(natted.verdict('203.0.113.10')).toBe('open');
    own.push('203.0.113.10');
    await clock.advance(5_000);
    expect(natted.verdict('203.0.113.10')).toBe('refused');
  });
});
