import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import type { DiscoveryOptions } from './discovery.ts';
import { NatMonitor } from './monitor.ts';
import type { PortMapper } from './port-mapper.ts';
import { summaryOf, type NatReport } from './report.ts';

let clock: SimulatedClock;
let address: string;
let looks: DiscoveryOptions[];
let release: (() => void)[];
let invalidated: number;
let allowed: boolean;
let monitor: NatMonitor;
let said: string[];
let mapping: NatReport['mapping'];

const report = (): NatReport => ({
  at: clock.now(),
  mapping,
  filtering: 'unknown',
  classical: 'unknown',
  publicAddress: address,
  allocation: 'unknown',
  allocationStep: null,
  portMapping: null,
  ipv6: false,
  cgnat: false,
  observations: [],
  hairpin: null,
  mappingLifetimeS: null,
  portMappings: [],
  udpBlocked: false,
  notes: [],
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(async () => {
  [clock, address, looks, release, invalidated, allowed, said] = [new SimulatedClock(), '10.0.0.1', [], [], 0, true, []];
  mapping = 'none';
  const mapper = { invalidate: () => (invalidated += 1) } as unknown as PortMapper;
  monitor = new NatMonitor({
    clock,
    log: silentLog,
    servers: () => [{ host: '203.0.113.1', port: 3478 }],
    mapper,
    portMapping: () => allowed,
    online: () => true,
    interfaces: () => ({ eth0: [{ address, internal: false } as NetworkInterfaceInfo] }),
    discover: async (options) => {
      looks.push(options);
      const seen = report();
      await new Promise<void>((resolve) => release.push(resolve));
      return seen;
    },
  });
  monitor.changed.on(() => said.push(`now ${monitor.current?.publicAddress ?? 'unknown'}`));
  monitor.networkChanged.on(() => said.push('network'));
  monitor.start();
  await clock.advance(0);
});
afterEach(async () => {
  for (const go of release) go();
  await monitor.close();
});

async function finish(): Promise<void> {
  release.shift()?.();
  await settle();
}

describe('the NAT monitor', () => {
  it('looks when it starts, and tells what it found', async () => {
    expect(monitor.current).toBeNull();
    await finish();
    expect(said).toEqual(['now 10.0.0.1']);
    expect(looks[0]).toMatchObject({ online: true, servers: [{ host: '203.0.113.1', port: 3478 }] });
    expect(Object.keys(summaryOf(monitor.current ?? report()))).not.toContain('observations');
  });

  it('says at once that the network changed, forgets what it knew, and looks when all is calm', async () => {
    await finish();
    address = '10.0.0.2';
    await clock.advance(1_000);
    expect(said.splice(0)).toEqual(['now 10.0.0.1', 'now unknown', 'network']);
    expect([invalidated, monitor.current, looks.length]).toEqual([1, null, 1]);
    await clock.advance(500);
    address = '10.0.0.3';
    await clock.advance(2_400);
    expect(looks).toHaveLength(1);
    await clock.advance(200);
    expect(looks).toHaveLength(2);
    await finish();
    expect(said).toEqual(['network', 'now 10.0.0.3']);
  });

  it('does not believe a look that began in the network before', async () => {
    address = '10.0.0.2';
    await clock.advance(1_000);
    await finish();
    expect(looks).toHaveLength(2);
    await finish();
    expect(said).toEqual(['network', 'now 10.0.0.2']);
  });

  it('looks again when asked, once for all who ask meanwhile, and resolves with what is of now', async () => {
    await finish();
    const first = monitor.refresh();
    await settle();
    address = '10.0.0.9';
    const others = Promise.all([monitor.refresh(), monitor.refresh()]);
    await finish();
    await finish();
    await Promise.all([first, others]);
    expect(monitor.current?.publicAddress).toBe('10.0.0.9');
    expect(looks).toHaveLength(3);
  });

  it('keeps what it knew over a wake, and looks again; also after an hour, and sooner while it knows nothing', async () => {
    await finish();
    clock.jump(3_600_000);
    await clock.advance(1_000);
    expect(said.splice(0)).toEqual(['now 10.0.0.1', 'network']);
    expect(monitor.current).not.toBeNull();
    await clock.advance(2_000);
    mapping = 'unknown';
    await finish();
    await clock.advance(3_600_000);
    expect(looks).toHaveLength(3);
    await finish();
    await clock.advance(31_000);
    expect(looks).toHaveLength(4);
  });

  it('leaves the router alone when told to, and says nothing once closed', async () => {
    await finish();
    allowed = false;
    void monitor.refresh();
    await settle();
    expect(looks[1]?.mapper).toBeNull();
    const closed = monitor.close();
    expect(looks[1]?.signal?.aborted).toBe(true);
    await finish();
    await closed;
    address = '10.0.0.5';
    await clock.advance(10_000_000);
    monitor.start();
    await clock.advance(10_000);
    expect([said, looks.length]).toEqual([['now 10.0.0.1'], 2]);
  });
});
