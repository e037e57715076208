import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { SILENT, type GatewayAnswer } from './gateway-request.ts';
import { Mapping } from './mapping.ts';
import type { Granted, MappingClient, Wanted } from './mapping-client.ts';

const granted: Granted = { externalAddress: '60.1.2.3', externalPort: 50_000, lifetimeS: 3_600 };

class FakeClient implements MappingClient {
  readonly protocol = 'pcp';
  readonly external = null;
  readonly localAddress = '192.168.1.5';
  answer: GatewayAnswer<Granted> = { ok: granted };
  readonly asked: Wanted[] = [];
  readonly unmapped: number[] = [];

  map(wanted: Wanted): Promise<GatewayAnswer<Granted>> {
    this.asked.push(wanted);
    return Promise.resolve(this.answer);
  }

  unmap(internalPort: number): Promise<void> {
    this.unmapped.push(internalPort);
    return Promise.resolve();
  }
}

let clock: SimulatedClock;
let client: FakeClient;
let ended: number;
const make = (given = granted) => new Mapping({ client, localPort: 40_000, granted: given, clock, ended: () => (ended += 1) });
beforeEach(() => {
  clock = new SimulatedClock();
  client = new FakeClient();
  ended = 0;
});

describe('a mapping', () => {
  it('is renewed at half its lifetime, with what it had, and taken away when closed', async () => {
    const mapping = make();
    await clock.advance(1_799_000);
    expect(client.asked).toEqual([]);
    await clock.advance(2_000);
    expect(client.asked).toEqual([{ internalPort: 40_000, externalPort: 50_000, externalAddress: '60.1.2.3' }]);
    await clock.advance(3_600_000);
    expect(client.asked).toHaveLength(3);
    await mapping.close();
    await mapping.close();
    expect([client.unmapped, ended]).toEqual([[40_000], 1]);
    await clock.advance(100_000_000);
    expect(client.asked).toHaveLength(3);
  });

  it('that cannot be renewed is tried again, and lost when it has run out, once', async () => {
    const mapping = make();
    const lost: string[] = [];
    mapping.lost.on((why) => lost.push(why));
    client.answer = SILENT;
    await clock.advance(3_500_000);
    expect(client.asked.length).toBeGreaterThan(2);
    expect(lost).toEqual([]);
    await clock.advance(200_000);
    expect(lost).toEqual([expect.stringContaining('does not answer')]);
    expect([mapping.isLive, ended]).toEqual([false, 1]);
    await mapping.close();
    expect(client.unmapped).toEqual([]);
  });

  it('that comes to another port or address is lost, and what came is given back', async () => {
    for (const other of [{ externalPort: 50_001 }, { externalAddress: '60.1.2.4' }]) {
      const mapping = make();
      const lost: string[] = [];
      mapping.lost.on((why) => lost.push(why));
      client.answer = { ok: { ...granted, ...other } };
      await clock.advance(1_800_000);
      expect(lost).toHaveLength(1);
      expect(client.unmapped.splice(0)).toEqual([40_000]);
    }
  });

  it('of a second is not renewed every half second, and one of a century is renewed within a day', async () => {
    make({ ...granted, lifetimeS: 1 });
    client.answer = { ok: { ...granted, lifetimeS: 0xffffffff } };
    await clock.advance(29_000);
    expect(client.asked).toHaveLength(0);
    await clock.advance(2_000);
    expect(client.asked).toHaveLength(1);
    await clock.advance(86_400_000 / 2);
    expect(client.asked).toHaveLength(2);
  });

  it('without an end is renewed all the same, as a gateway may restart', async () => {
    make({ ...granted, lifetimeS: 0 });
    await clock.advance(3_601_000);
    expect(client.asked).toHaveLength(1);
  });

  it('that is invalidated says so, and asks the gateway nothing', async () => {
    const mapping = make();
    const lost: string[] = [];
    mapping.lost.on((why) => lost.push(why));
    mapping.invalidate('the network changed');
    mapping.invalidate('again');
    expect(lost).toEqual(['the network changed']);
    await mapping.close();
    await clock.advance(10_000_000);
    expect([client.asked, client.unmapped]).toEqual([[], []]);
  });
});
