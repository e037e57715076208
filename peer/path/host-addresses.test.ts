import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { hostAddresses } from './host-addresses.ts';

const of = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;

describe('host addresses', () => {
  it('are those of every interface but loopback and link-local ones, IPv4 first', () => {
    const interfaces = {
      lo: [of('127.0.0.1', true), of('::1', true)],
      eth0: [of('2001:db8::7'), of('fe80::1'), of('192.168.1.7')],
      tun0: [of('10.8.0.2')],
      usb0: [of('169.254.3.4')],
    };
    expect(hostAddresses(interfaces)).toEqual(['192.168.1.7', '10.8.0.2', '2001:db8::7']);
  });

  it('are a bounded number', () => {
    expect(hostAddresses({ eth0: Array.from({ length: 50 }, (_, index) => of(`10.0.0.${index + 1}`)) })).toHaveLength(8);
  });

  it('are loopback where there is no network', () => {
    expect(hostAddresses({ lo: [of('127.0.0.1', true)] })).toEqual(['127.0.0.1']);
  });
});
