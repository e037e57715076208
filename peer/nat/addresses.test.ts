import { expect, it } from 'vitest';
import { isGlobalIpv6, isPublic, isPublicIpv4, isSharedIpv4, isWithin } from './addresses.ts';

it('tells public addresses from those that nobody on the internet reaches', () => {
  for (const address of ['8.8.8.8', '60.1.2.3', '100.63.255.255', '100.128.0.0', '172.32.0.1', '203.0.113.7', '223.255.255.255']) {
    expect(isPublicIpv4(address), address).toBe(true);
  }
  const others = ['10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '169.254.1.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'];
  for (const address of [...others, '0.0.0.0', '192.0.0.8', '198.19.0.1', '224.0.0.1', '255.255.255.255', '', '1.2.3', '::1', 'router']) {
    expect(isPublicIpv4(address), address).toBe(false);
  }
  expect([isSharedIpv4('100.64.0.0'), isSharedIpv4('100.127.255.255'), isSharedIpv4('100.128.0.0'), isSharedIpv4('x')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([isWithin('10.1.2.3', '10.9.9.9', 8), isWithin('10.1.2.3', '11.1.2.3', 8), isWithin('1.1.1.1', '2.2.2.2', 0)]).toEqual([
    true,
    false,
    true,
  ]);
});

it('tells global IPv6 addresses from all else', () => {
  for (const address of ['2001:db8::1', '2a00:1450:4001::', '3fff::1']) expect(isGlobalIpv6(address), address).toBe(true);
  for (const address of ['fe80::1', 'fd00::1', '::1', '::ffff:8.8.8.8', 'ff02::1', '8.8.8.8', '', 'x']) {
    expect(isGlobalIpv6(address), address).toBe(false);
  }
});

it('tells public addresses of either family', () => {
  expect(['8.8.8.8', '2001:db8::1', '192.168.1.1', 'fd00::1', 'camera.local'].map(isPublic)).toEqual([true, true, false, false, false]);
});
