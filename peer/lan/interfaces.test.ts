import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { lanInterfaces, lanMode } from './interfaces.ts';

function info(cidr: string, more: { internal?: boolean; scopeid?: number } = {}): NetworkInterfaceInfo {
  const address = cidr.split('/')[0] ?? '';
  const common = { address, netmask: '', mac: '00:00:00:00:00:00', internal: more.internal ?? false, cidr };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: more.scopeid ?? 0 } : { ...common, family: 'IPv4' };
}

const MACHINE = {
  lo: [info('127.0.0.1/8', { internal: true }), info('::1/128', { internal: true })],
  eth0: [info('192.168.7.5/24'), info('fd00:7::5/64'), info('fe80::5/64', { scopeid: 2 })],
  wlan0: [info('10.1.2.3/16')],
  tun0: [info('10.8.0.2/32')],
};

describe('the interfaces of a machine', () => {
  it('are those with neighbours: no loopback, no tunnel to one other machine', () => {
    expect(lanInterfaces('on', MACHINE).map(({ name }) => name)).toEqual(['eth0', 'wlan0']);
    expect(lanInterfaces('loopback', MACHINE).map(({ name }) => name)).toEqual(['lo']);
    expect(lanInterfaces('off', MACHINE)).toEqual([]);
    expect(lanInterfaces('on', { lo: MACHINE.lo })).toEqual([]);
  });

  it('know who is a neighbour', () => {
    const [eth0, wlan0] = lanInterfaces('on', MACHINE);
    for (const near of ['192.168.7.200', '::ffff:192.168.7.200', 'fd00:7::1:2', 'fe80::99%eth0', 'fe80::99'])
      expect(eth0?.isNeighbour(near), near).toBe(true);
    for (const far of ['192.168.8.1', '10.1.9.9', 'fd00:8::1', 'fe80::99%wlan0', '8.8.8.8', '', 'no address', '::ffff:8.8.8.8'])
      expect(eth0?.isNeighbour(far), far).toBe(false);
    expect(wlan0?.isNeighbour('10.1.9.9')).toBe(true);
    expect(wlan0?.isNeighbour('fe80::99%wlan0')).toBe(false);
  });

  it('offer addresses that a URL can hold', () => {
    const [eth0] = lanInterfaces('on', MACHINE);
    expect(eth0).toMatchObject({ ipv4: ['192.168.7.5'], ipv6: ['fd00:7::5'], hasIpv6: true, zone: 'eth0' });
  });

  it('are others when an address is another', () => {
    const key = (cidr: string) => lanInterfaces('on', { eth0: [info(cidr)] })[0]?.key;
    expect(key('192.168.7.5/24')).toBe(key('192.168.7.5/24'));
    expect(key('192.168.7.5/24')).not.toBe(key('192.168.7.6/24'));
  });

  it('are bounded in number', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`veth${n}`, [info(`10.0.${n}.1/24`)]]));
    expect(lanInterfaces('on', many)).toHaveLength(16);
  });
});

it('KEYHOLE_LAN keeps a program off the network', () => {
  expect([{}, { KEYHOLE_LAN: 'off' }, { KEYHOLE_LAN: 'loopback' }, { KEYHOLE_LAN: 'wat' }].map(lanMode)).toEqual([
    'on',
    'off',
    'loopback',
    'on',
  ]);
});
