import { createSocket, type Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encode, type Answer } from 'dns-packet';
import { SimulatedClock, systemClock, type Clock } from '../../electron/base/clock.ts';
import { createLog, silentLog, type Log } from '../../electron/base/log.ts';
import { LanAdvertiser } from './advertiser.ts';
import { LanBrowser } from './browser.ts';
import { browseQuery, readMessage } from './dns-sd.ts';
import { lanInterfaces, type LanInterface } from './interfaces.ts';
import { MulticastDns, type LanPacket } from './multicast.ts';

/** All on the loopback interface, at a port that is not that of multicast DNS. */

const ADDRESS = 'abcdefghijklmnopqrstuvwxyz234567';
const OTHER = 'b'.repeat(32);
const loopback = () => lanInterfaces('loopback');
let closers: (() => unknown)[];
let port: number;
beforeEach(async () => {
  closers = [];
  // Free now; many may have it, as with the real one.
  const probe = createSocket('udp4');
  await new Promise<void>((resolve) => probe.bind(0, '0.0.0.0', resolve));
  port = probe.address().port;
  await new Promise<void>((resolve) => probe.close(resolve));
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function multicast(clock: Clock = systemClock, interfaces: () => readonly LanInterface[] = loopback, log: Log = silentLog): MulticastDns {
  const dns = new MulticastDns({ clock, log, interfaces, port });
  closers.push(() => dns.close());
  return dns;
}

async function started(dns: MulticastDns): Promise<MulticastDns> {
  const ready = new Promise<void>((resolve) => dns.appeared.on(resolve));
  dns.start();
  await ready;
  return dns;
}

function browser(clock: Clock = systemClock, interfaces: () => readonly LanInterface[] = loopback): LanBrowser {
  const made = new LanBrowser({ clock, log: silentLog, interfaces, port });
  closers.push(() => made.close());
  made.start();
  return made;
}

async function advertise(at: number, address = ADDRESS, clock: Clock = systemClock): Promise<LanAdvertiser> {
  const advertiser = new LanAdvertiser({ dns: await started(multicast(clock)), address, port: at, clock });
  closers.push(() => advertiser.close());
  advertiser.start();
  return advertiser;
}

/** All that is found of a camera, in order; `until` waits for a URL. */
function finding(lan: LanBrowser, address = ADDRESS) {
  const urls: string[] = [];
  const stop = lan.find(address, (url) => urls.push(url));
  closers.push(stop);
  const until = (url: string) => vi.waitFor(() => expect(urls).toContain(url), { timeout: 5_000 });
  return { urls, until, stop };
}

/** Somebody on the network who says what he likes, from any of the loopback addresses. */
async function stranger(address = '127.0.0.1'): Promise<{ says(answers: Answer[]): Promise<void>; socket: Socket }> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  closers.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  socket.setMulticastInterface('127.0.0.1');
  const says = (answers: Answer[]) =>
    new Promise<void>((resolve, reject) =>
      socket.send(encode({ type: 'response', answers }), port, '224.0.0.251', (error) => (error ? reject(error) : resolve())),
    );
  return { says, socket };
}
const srv = (address: string, at: number, ttl = 120): Answer => ({
  name: `${address}._keyhole._tcp.local`,
  type: 'SRV',
  ttl,
  data: { port: at, target: `${address}.local` },
});

describe('a camera on this network', () => {
  it('is found, whoever was there first', async () => {
    const early = finding(browser());
    await advertise(40_001);
    await early.until('ws://127.0.0.1:40001');
    await finding(browser()).until('ws://127.0.0.1:40001');
  });

  it('is found at its new port when it has begun anew, and is told apart from others', async () => {
    const lan = browser();
    const [first, other] = [finding(lan), finding(lan, OTHER)];
    const before = await advertise(40_001);
    await advertise(40_002, OTHER);
    await first.until('ws://127.0.0.1:40001');
    await other.until('ws://127.0.0.1:40002');
    before.close();
    await advertise(40_003);
    await first.until('ws://127.0.0.1:40003');
    expect(other.urls).not.toContain('ws://127.0.0.1:40003');
  });

  it('that was found is known at once the next time, until it leaves', async () => {
    const lan = browser();
    const camera = await advertise(40_001);
    const before = finding(lan);
    await before.until('ws://127.0.0.1:40001');
    before.stop();
    expect(finding(lan).urls).toEqual(['ws://127.0.0.1:40001']);
    camera.close();
    await vi.waitFor(() => expect(finding(lan).urls).toEqual([]));
  });

  it('answers a resolver that is no multicast one, on its own', async () => {
    await advertise(40_001);
    const { socket } = await stranger();
    const answer = new Promise<Buffer>((resolve) => socket.on('message', resolve));
    socket.send(browseQuery(), port, '224.0.0.251');
    expect(readMessage(await answer)).toMatchObject({ kind: 'answer', cameras: [{ address: ADDRESS, port: 40_001, ttl: 10 }] });
  });

  it('is found where another program keeps the port for itself', async () => {
    const warnings: string[] = [];
    const alone = createSocket('udp4');
    closers.push(() => alone.close());
    await new Promise<void>((resolve) => alone.bind({ port, address: '0.0.0.0', exclusive: true }, resolve));
    alone.addMembership('224.0.0.251', '127.0.0.1');
    // It happens to be who answers.
    alone.on('message', (_data, { port: to, address }) =>
      alone.send(encode({ type: 'response', answers: [srv(ADDRESS, 40_001)] }), to, address),
    );
    const log = createLog('test', { write: (line) => warnings.push(line) });
    const lan = new LanBrowser({ clock: systemClock, log, interfaces: loopback, port });
    closers.push(() => lan.close());
    lan.start();
    await finding(lan).until('ws://127.0.0.1:40001');
    expect(warnings.join('\n')).toContain('EADDRINUSE');
  });
});

describe('a network of strangers', () => {
  it('can point at themselves only', async () => {
    const lan = finding(browser());
    const liar = await stranger('127.0.0.66');
    await vi.waitFor(async () => {
      await liar.says([srv(ADDRESS, 40_009), { name: `${ADDRESS}.local`, type: 'A', data: '192.168.1.1' }]);
      expect(lan.urls).toContain('ws://127.0.0.66:40009');
    });
    expect(new Set(lan.urls)).toEqual(new Set(['ws://127.0.0.66:40009']));
  });

  it('is not heard when it is not of this network', async () => {
    const far = '127.0.0.66';
    const here = loopback().map((on) => ({ ...on, isNeighbour: (address: string) => address !== far && on.isNeighbour(address) }));
    const lan = finding(browser(systemClock, () => here));
    const [liar, near] = [await stranger(far), await stranger('127.0.0.67')];
    await vi.waitFor(async () => {
      await liar.says([srv(ADDRESS, 40_009)]);
      await near.says([srv(ADDRESS, 40_010)]);
      expect(lan.urls).toContain('ws://127.0.0.67:40010');
    });
    expect(lan.urls).not.toContain('ws://127.0.0.66:40009');
  });

  it('cannot fill memory: of others’ cameras nothing is kept, and of ours a bounded number of places', async () => {
    const lan = browser();
    const first = finding(lan);
    const last = await stranger('127.0.1.99');
    for (let n = 1; n <= 30; n += 1) {
      const liar = await stranger(`127.0.1.${n}`);
      await liar.says([
        srv(ADDRESS, 40_000 + n),
        ...Array.from({ length: 10 }, (_, m) => srv(`${'c'.repeat(31)}${'abcdefghij'[m]}`, 40_000)),
      ]);
    }
    await vi.waitFor(async () => {
      await last.says([srv(ADDRESS, 41_000)]);
      expect(first.urls).toContain('ws://127.0.1.99:41000');
    });
    first.stop();
    const kept = finding(lan).urls;
    expect(kept.length).toBeLessThanOrEqual(8);
    // The newest first.
    expect(kept[0]).toBe('ws://127.0.1.99:41000');
    expect(finding(lan, `${'c'.repeat(31)}a`).urls).toEqual([]);
  });

  it('is listened to at a bounded rate', async () => {
    const clock = new SimulatedClock();
    const dns = await started(multicast(clock));
    let heard = 0;
    dns.packets.on(() => (heard += 1));
    const liar = await stranger();
    // More than the bucket holds, in portions that the socket's own buffer holds.
    await vi.waitFor(async () => {
      for (let n = 0; n < 50; n += 1) await liar.says([srv(ADDRESS, 40_000)]);
      expect(dns.dropped).toBeGreaterThan(0);
    }, 10_000);
    expect(heard).toBe(400);
  });
});

/** Packets that somebody hears who only listens. */
async function listening(): Promise<LanPacket[]> {
  const packets: LanPacket[] = [];
  const dns = await started(multicast());
  dns.packets.on((packet) => packets.push(packet));
  return packets;
}

describe('what is said', () => {
  it('is nothing where there is only loopback, unless that is asked for', async () => {
    const packets = await listening();
    const lan = browser(systemClock, () => lanInterfaces('on', { lo: [] }));
    finding(lan);
    const silent = multicast(systemClock, () => []);
    silent.start();
    const advertiser = new LanAdvertiser({ dns: silent, address: ADDRESS, port: 40_001, clock: systemClock });
    advertiser.start();
    advertiser.close();
    // Who may speak is heard: by then the others would have been.
    await advertise(40_002, OTHER);
    await vi.waitFor(() => expect(packets.length).toBeGreaterThan(0));
    for (const { data } of packets) expect(readMessage(data)).toMatchObject({ cameras: [{ address: OTHER }] });
  });

  it('is nothing before a camera is looked for, then one question for all of them, ever more seldom', async () => {
    const packets = await listening();
    const questions = () => packets.filter(({ data }) => readMessage(data)?.kind === 'query').length;
    const clock = new SimulatedClock();
    const lan = browser(clock);
    await advertise(40_002, OTHER);
    await vi.waitFor(() => expect(packets.length).toBeGreaterThan(0));
    expect(questions()).toBe(0);
    for (let n = 0; n < 20; n += 1) finding(lan, ADDRESS);
    await vi.waitFor(() => expect(questions()).toBe(1));
    await clock.advance(999);
    expect(questions()).toBe(1);
    await clock.advance(1);
    await vi.waitFor(() => expect(questions()).toBe(2));
    await clock.advance(60_000);
    // 1, 3, 7, 15, 31 s after the second.
    await vi.waitFor(() => expect(questions()).toBe(7));
  });

  it('is an answer a second at most, however many ask', async () => {
    const packets = await listening();
    const answers = () => packets.filter(({ data }) => readMessage(data)?.kind === 'answer').length;
    const clock = new SimulatedClock();
    await advertise(40_001, ADDRESS, clock);
    await clock.advance(2_000);
    await vi.waitFor(() => expect(answers()).toBe(2));
    const asking = await started(multicast());
    let asked = 0;
    const askTenTimes = async () => {
      for (let n = 0; n < 10; n += 1) asking.send(browseQuery);
      asked += 10;
      await vi.waitFor(() => expect(packets.filter(({ data }) => readMessage(data)?.kind === 'query')).toHaveLength(asked));
    };
    await askTenTimes();
    await clock.advance(150);
    await vi.waitFor(() => expect(answers()).toBe(3));
    // Within the second nothing more is said; who asked then is answered with the next.
    await askTenTimes();
    await clock.advance(600);
    await askTenTimes();
    expect(answers()).toBe(3);
    await clock.advance(1_000);
    await vi.waitFor(() => expect(answers()).toBe(4));
  });

  it('goes on when interfaces come and go', async () => {
    let interfaces: readonly LanInterface[] = [];
    const clock = new SimulatedClock();
    const dns = multicast(clock, () => interfaces);
    dns.start();
    await clock.advance(5_000);
    expect(dns.interfaces).toEqual([]);
    interfaces = loopback();
    const appeared = new Promise<void>((resolve) => dns.appeared.on(resolve));
    await clock.advance(5_000);
    await appeared;
    expect(dns.interfaces).toHaveLength(1);
    interfaces = [];
    await clock.advance(5_000);
    expect(dns.interfaces).toEqual([]);
    interfaces = [{ ...(loopback()[0] as LanInterface), ipv4: ['203.0.113.7'], key: 'gone meanwhile' }];
    await clock.advance(10_000);
    expect(dns.interfaces).toEqual([]);
  });
});
