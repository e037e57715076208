import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { NetworkWatch, type NetworkChange } from './network-watch.ts';

let clock: SimulatedClock;
let addresses: string[];
let seen: NetworkChange[];
let watch: NetworkWatch;
let broken = false;

beforeEach(() => {
  clock = new SimulatedClock();
  addresses = ['192.168.1.5'];
  seen = [];
  broken = false;
  const interfaces = () => {
    if (broken) throw new Error('uv_interface_addresses');
    const info = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
    return { lo: [info('127.0.0.1', true)], eth0: addresses.map((address) => info(address)) };
  };
  watch = new NetworkWatch({ clock, interfaces });
  watch.changed.on((change) => seen.push(change));
  watch.start();
});
afterEach(() => watch.close());

describe('the watch over the network', () => {
  it('tells within a second what came and what went, and nothing while all stays', async () => {
    await clock.advance(60_000);
    expect(seen).toEqual([]);
    addresses = ['10.0.0.7'];
    await clock.advance(1_000);
    expect(seen).toEqual([{ kind: 'addresses', added: ['eth0 10.0.0.7'], removed: ['eth0 192.168.1.5'] }]);
    addresses = [];
    await clock.advance(1_000);
    expect(seen.at(-1)).toEqual({ kind: 'addresses', added: [], removed: ['eth0 10.0.0.7'] });
  });

  it('does not count loopback and link-local addresses', async () => {
    addresses = ['192.168.1.5', 'fe80::1', 'FE90::2'];
    await clock.advance(3_000);
    expect(seen).toEqual([]);
    expect([...watch.addresses]).toEqual(['eth0 192.168.1.5']);
  });

  it('tells of a wake when the wall clock ran on, and not when it was set back or by a little', async () => {
    clock.jump(-3_600_000);
    await clock.advance(1_000);
    clock.jump(2_000);
    await clock.advance(1_000);
    expect(seen).toEqual([]);
    clock.jump(3_600_000);
    await clock.advance(1_000);
    expect(seen).toEqual([{ kind: 'wake', added: [], removed: [] }]);
    await clock.advance(10_000);
    expect(seen).toHaveLength(1);
  });

  it('goes on when the system does not say, and takes that for no change', async () => {
    broken = true;
    await clock.advance(5_000);
    expect(seen).toEqual([]);
    broken = false;
    addresses = ['10.0.0.7'];
    await clock.advance(1_000);
    expect(seen).toHaveLength(1);
  });

  it('is silent once closed, and can be started twice', async () => {
    watch.start();
    watch.close();
    watch.close();
    addresses = [];
    await clock.advance(10_000);
    expect(seen).toEqual([]);
  });
});
