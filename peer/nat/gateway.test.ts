import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { findGateways, gatewaysOf, guessGateways, localNetworks } from './gateway.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const info = (cidr: string, internal = false, family: 'IPv4' | 'IPv6' = 'IPv4') =>
  ({ address: cidr.split('/')[0], family, internal, cidr }) as NetworkInterfaceInfo;
const locals = localNetworks({
  lo: [info('127.0.0.1/8', true)],
  eth0: [info('10.9.0.5/16'), info('192.168.1.5/24'), info('2001:db8::5/64', false, 'IPv6')],
  wlan0: [info('192.168.2.5/24')],
});

describe('the gateways', () => {
  it('are those of the default routes, by metric, each with our address in its network', () => {
    const table = [
      HEAD,
      'wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
      'eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
      'eth0\t0000000A\t0101A8C0\t0003\t0\t0\t100\t000000FF\t0\t0\t0',
      'tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0',
      'ppp0\t00000000\t0101A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0',
    ].join('\n');
    expect(gatewaysOf(table, locals)).toEqual([
      { address: '192.168.1.1', localAddress: '192.168.1.5', guessed: false },
      { address: '192.168.2.1', localAddress: '192.168.2.5', guessed: false },
    ]);
  });

  it('are none in a table that is damaged, and never many', () => {
    const random = seededRandom(3);
    const line = 'eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n';
    expect(gatewaysOf(HEAD + '\n' + line.repeat(100), locals)).toHaveLength(4);
    let wrong = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const bytes = Buffer.from(HEAD + '\n' + line.repeat(3));
      for (let at = 0; at < bytes.length; at += 1) if (random() < 0.1) bytes[at] = Math.floor(random() * 256);
      if (gatewaysOf(bytes.toString('latin1'), locals).length > 3) wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  it('are left alone where KEYHOLE_GATEWAY says so, as to the programs of a test', async () => {
    expect(await findGateways({ KEYHOLE_GATEWAY: 'off' })).toEqual([]);
  });

  it('are guessed, where the system does not tell, as first and last of each network', () => {
    expect(
      guessGateways(localNetworks({ en0: [info('192.168.1.1/24')], utun0: [info('10.8.0.2/32')], en1: [info('172.20.10.2/28')] })),
    ).toEqual([
      { address: '192.168.1.254', localAddress: '192.168.1.1', guessed: true },
      { address: '172.20.10.1', localAddress: '172.20.10.2', guessed: true },
      { address: '172.20.10.14', localAddress: '172.20.10.2', guessed: true },
    ]);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`br${index}`, [info(`192.168.${index}.7/24`)]]));
    expect(guessGateways(localNetworks(many))).toHaveLength(6);
  });
});
