import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentSocket } from './agent.ts';
import type { Host } from './host.ts';
import { internetUplinkOf } from './host.ts';
import { SERVERS } from './internet.ts';
import { Lab } from './lab.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import type { Impairment, WireCounts } from './wire.ts';

const unavailable = laboratoryUnavailable();
const PORT = 7_100;
describe.skipIf(unavailable !== null)(`the wire${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let host: Host;
  let here: AgentSocket;
  let there: AgentSocket;

  beforeAll(async () => {
    lab = await Lab.start({ wired: true });
    host = await lab.host('host', await lab.router('router', { kind: 'port-restricted-cone' }));
    here = await (await host.agent()).udp();
    there = await (await lab.internet.agent()).udp({ address: SERVERS.rendezvous, port: PORT });
  });
  afterAll(() => lab?.close());
  beforeEach(() => lab.impair(host, {}));

  const send = (text: string) => here.send({ address: SERVERS.rendezvous, port: PORT }, text);
  const up = async (): Promise<WireCounts> => {
    const { wire } = internetUplinkOf(host);
    if (!lab.wire || !wire) throw new Error('no wire');
    return lab.wire.read(wire, 'up');
  };
  /** Sends numbered packets; those that come, in their order, until none has come for so long. */
  const arriving = async (count: number, impairment: Impairment, padding = 0): Promise<number[]> => {
    await lab.impair(host, { up: impairment, down: {} });
    for (let index = 0; index < count; index += 1) await send(`${index} ${'.'.repeat(padding)}`);
    const came: number[] = [];
    for (;;) {
      const packet = await there.receive(() => true, 500);
      if (!packet) return came;
      came.push(parseInt(packet.text));
    }
  };
  const all = (count: number) => Array.from({ length: count }, (_, index) => index);

  it('carries everything in order, unless it is told otherwise', async () => {
    expect(await arriving(200, {})).toEqual(all(200));
  });

  it('carries TCP, large packets too', async () => {
    await (await lab.internet.agent()).listen({ address: SERVERS.rendezvous, port: 443 });
    expect(await (await host.agent()).tcp({ address: SERVERS.rendezvous, port: 443 })).toBe(true);
    expect(await arriving(1, {}, 8_000)).toEqual([0]);
  });

  it('delays, each direction by its own time', async () => {
    const trip = async () => {
      const begin = performance.now();
      await send('there');
      const packet = await there.receive();
      const half = performance.now();
      await there.send(packet?.from ?? { address: '', port: 0 }, 'back');
      await here.receive();
      return [half - begin, performance.now() - half] as const;
    };
    await trip();
    await lab.impair(host, { up: { delayMs: 200 }, down: { delayMs: 50 } });
    const [upMs, downMs] = await trip();
    expect(upMs).toBeGreaterThanOrEqual(200);
    expect(downMs).toBeGreaterThanOrEqual(50);
    await lab.impair(host, { up: { delayMs: 50 }, down: { delayMs: 200 } });
    expect((await trip())[1]).toBeGreaterThanOrEqual(200);
  });

  it('delays by a varying time and keeps the order', async () => {
    expect(await arriving(100, { delayMs: 5, jitterMs: 40 })).toEqual(all(100));
  });

  it('loses the share it is told to, the same each time, and counts it', async () => {
    const before = await up();
    const came = await arriving(400, { lossPct: 25 });
    expect(came.length).toBeGreaterThan(400 * 0.65);
    expect(came.length).toBeLessThan(400 * 0.85);
    const after = await up();
    expect([after.passed - before.passed, after.lost - before.lost]).toEqual([came.length, 400 - came.length]);
    expect(await arriving(400, { lossPct: 25 })).toEqual(came);
    expect(await arriving(400, { lossPct: 25, seed: 2 })).not.toEqual(came);
  });

  it('repeats', async () => {
    const came = await arriving(200, { duplicatePct: 50 });
    expect(new Set(came).size).toBe(200);
    expect(came.length).toBeGreaterThan(250);
    expect(came.length).toBeLessThan(350);
  });

  it('lets some overtake others', async () => {
    const came = await arriving(200, { reorderPct: 10, reorderMs: 100 });
    expect(came.toSorted((a, b) => a - b)).toEqual(all(200));
    expect(came).not.toEqual(all(200));
  });

  it('throttles, with a queue that has an end', async () => {
    const before = await up();
    const began = performance.now();
    // 100 packets of 1,028 bytes and their headers, at 400 kbit/s: each takes 21 ms, and 15 or so wait.
    const came = await arriving(100, { kbps: 400, queueMs: 300 }, 1_000);
    const after = await up();
    expect(came).toEqual(came.toSorted((a, b) => a - b));
    expect(after.overflowed - before.overflowed).toBe(100 - came.length);
    expect(came.length).toBeLessThan(100);
    // What came cannot have come quicker than the wire carries it. The last wait finds nothing, for 500 ms.
    expect(performance.now() - began - 500).toBeGreaterThan((came.length - 1) * 20);
  });
});
