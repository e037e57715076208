import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedInternet, SimulatedNat, type SimulatedSocket } from '../../test/fakes/simulated-nat.ts';
import { predictPorts } from './allocation.ts';
import { punch } from './punch.ts';
import type { EasyPunch, HardPunch, Punched } from './punch-attempt.ts';
import { PUNCH_BYTES, readPunch, writePunch } from './punch-message.ts';

const HARD = '203.0.113.1';
const EASY = '203.0.113.2';
const EASY_PORT = 5000;
const STRICT = { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' } as const;
const key = randomBytes(32);

let clock: SimulatedClock;
beforeEach(() => (clock = new SimulatedClock()));

/** A symmetric NAT against one that maps to a fixed port and lets in only whom it has sent to. */
function pair(seed: number, hard: Partial<ConstructorParameters<typeof SimulatedNat>[2]> = {}) {
  const internet = new SimulatedInternet(clock, seed);
  const hardNat = new SimulatedNat(internet, HARD, { ...STRICT, ...hard });
  const easyNat = new SimulatedNat(internet, EASY, { ...STRICT, mapping: 'endpoint-independent', allocate: () => EASY_PORT });
  const sockets: SimulatedSocket[] = [];
  const easySocket = easyNat.socket();
  const open = () => {
    const socket = hardNat.socket();
    sockets.push(socket);
    return Promise.resolve(socket.dgram);
  };
  const punchHard = (options: Partial<HardPunch> = {}) =>
    punch({ side: 'hard', key, clock, remote: { address: EASY, port: EASY_PORT }, open, ...options });
  const punchEasy = (options: Partial<EasyPunch> = {}) =>
    punch({ side: 'easy', key, clock, socket: easySocket.dgram, remote: { address: HARD }, random: seededRandom(seed), ...options });
  return { internet, hardNat, easyNat, sockets, easySocket, punchHard, punchEasy };
}

async function outcome<T>(...ends: Promise<T>[]): Promise<T[]> {
  let done = false;
  const all = Promise.all(ends).finally(() => (done = true));
  while (!done) await clock.advance(100);
  return all;
}

/** That a packet goes through both ways on what both ends were given. */
async function carries(hard: Punched | null | undefined, easy: Punched | null | undefined): Promise<boolean> {
  if (!hard || !easy) return false;
  const heard: string[] = [];
  hard.socket.on('message', (bytes) => heard.push(`hard ${String(bytes)}`));
  easy.socket.on('message', (bytes) => heard.push(`easy ${String(bytes)}`));
  hard.socket.send('one', hard.remote.port, hard.remote.address);
  easy.socket.send('two', easy.remote.port, easy.remote.address);
  await clock.advance(100);
  return heard.sort().join() === 'easy one,hard two';
}

const gentle = { perSecond: 1_000 };

describe('a punch', () => {
  it('by chance meets a symmetric NAT from behind a port-restricted one, and both ends hold the same way', async () => {
    let found = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const { punchHard, punchEasy, sockets, easySocket, hardNat } = pair(seed);
      const [hard, easy] = await outcome(punchHard({ budget: gentle }), punchEasy({ budget: gentle }));
      expect(Boolean(hard)).toBe(Boolean(easy));
      expect(sockets).toHaveLength(256);
      expect(easySocket.closed).toBe(false);
      expect(sockets.filter(({ closed }) => !closed).map(({ dgram }) => dgram)).toEqual(hard ? [hard.socket] : []);
      if (!hard || !easy) continue;
      found += 1;
      expect(hard.socket.listenerCount('message') + hard.socket.listenerCount('error')).toBe(0);
      expect(easy.socket.listenerCount('message') + easy.socket.listenerCount('error')).toBe(0);
      expect(easy.remote).toEqual({
        address: HARD,
        port: hardNat.portOf(hard.socket as unknown as SimulatedSocket, { address: EASY, port: EASY_PORT }),
      });
      expect(hard.remote).toEqual({ address: EASY, port: EASY_PORT });
      expect(await carries(hard, easy)).toBe(true);
    }
    // 98 % in theory; 20 seeds are fixed.
    expect(found).toBeGreaterThanOrEqual(18);
  });

  it.each([
    ['by one', 1],
    ['by two, downwards', -2],
    ['by one in the wrong byte order', 256],
  ])('by prediction meets a NAT that counts its ports %s, with few sockets and few probes', async (_how, step) => {
    let last = 39_900;
    const allocate = () => (last = predictPorts(last, step, 1)[0] ?? 0);
    const { punchHard, punchEasy } = pair(3, { allocate });
    const predicted = predictPorts(last, step, 32);
    for (let other = 0; other < 5; other += 1) allocate();
    const budget = { sockets: 4, probes: 32 };
    const [hard, easy] = await outcome(punchHard({ budget }), punchEasy({ budget, predicted }));
    expect(await carries(hard, easy)).toBe(true);
    expect(easy?.probes).toBeLessThanOrEqual(32);
  });

  it('agrees on one way although one packet in four is lost', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      let next = 2_000;
      const { punchHard, punchEasy, internet } = pair(seed, { allocate: () => next++ });
      internet.loss = 0.25;
      const budget = { sockets: 64, probes: 64 };
      const [hard, easy] = await outcome(punchHard({ budget }), punchEasy({ budget, predicted: predictPorts(1_999, 1, 64) }));
      internet.loss = 0;
      expect(await carries(hard, easy), `seed ${seed}`).toBe(true);
    }
  });

  it('is found also when the easy side began first: what comes through is answered', async () => {
    let next = 2_000;
    const { punchHard, punchEasy } = pair(3, { allocate: () => next++ });
    const easy = punchEasy({ budget: { probes: 32 }, predicted: predictPorts(1_999, 1, 32) });
    await clock.advance(1_000);
    const [one, other] = await outcome(punchHard({ budget: { sockets: 32 } }), easy);
    expect(await carries(one, other)).toBe(true);
  });

  it('keeps within its budget of packets and time, sends at its rate, and closes all it opened', async () => {
    const { punchHard, punchEasy, sockets, easySocket, internet } = pair(1);
    internet.loss = 1;
    const budget = { probes: 100, perSecond: 100, sockets: 10, timeoutMs: 5_000 };
    const both = Promise.all([punchHard({ budget }), punchEasy({ budget })]);
    await clock.advance(500);
    expect(easySocket.sent).toBeGreaterThan(40);
    expect(easySocket.sent).toBeLessThanOrEqual(52);
    await clock.advance(4_500);
    expect(await both).toEqual([null, null]);
    expect(easySocket.sent).toBe(100);
    expect(sockets.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThanOrEqual(10 + 10 * 2.5);
    expect(sockets.every(({ closed }) => closed)).toBe(true);
    expect(easySocket.closed).toBe(false);
    expect(easySocket.listenerCount('message')).toBe(0);
    const carried = internet.carried;
    await clock.advance(60_000);
    expect(internet.carried).toBe(carried);
  });

  it('ends at once when told to, also before it began, and leaves nothing open', async () => {
    const { punchHard, punchEasy, sockets, easySocket } = pair(1);
    const stop = new AbortController();
    const both = Promise.all([punchHard({ signal: stop.signal }), punchEasy({ signal: stop.signal, budget: { probes: 5 } })]);
    await clock.advance(30);
    stop.abort();
    expect(await both).toEqual([null, null]);
    expect(sockets.every(({ closed }) => closed)).toBe(true);
    expect(await punchHard({ signal: stop.signal })).toBeNull();
    expect(await punchEasy({ budget: { probes: 0 } })).toBeNull();
    expect(sockets).toHaveLength(256);
    expect(easySocket.listenerCount('message')).toBe(0);
  });

  it('tells when all its sockets have sent, and does with the sockets it gets', async () => {
    const { punchHard, hardNat } = pair(1);
    let opened = 0;
    let calls = 0;
    const stop = new AbortController();
    const open = () => {
      calls += 1;
      return calls > 8 ? Promise.reject(new Error('EMFILE')) : Promise.resolve(hardNat.socket().dgram);
    };
    const hard = punchHard({ open, signal: stop.signal, opened: () => (opened = hardNat.mappings) });
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(100);
    expect(opened).toBe(8);
    stop.abort();
    await hard;
    expect(await punchHard({ open: () => Promise.reject(new Error('EMFILE')) })).toBeNull();
  });

  it('answers nobody who does not know the key, and nobody who sends its own words back', async () => {
    const { punchHard, punchEasy, easySocket, internet, hardNat, sockets } = pair(1);
    const stranger = internet.host('198.51.100.66', 7);
    const heard: Buffer[] = [];
    internet.attach('198.51.100.66', (bytes) => heard.push(bytes));
    const nonce = Buffer.alloc(8);
    const forged = writePunch({ kind: 'probe', from: 'easy', round: 0, nonce, echo: nonce }, randomBytes(32));
    const both = Promise.all([
      punchHard({ budget: { sockets: 2, timeoutMs: 1_000 } }),
      punchEasy({ budget: { probes: 1, timeoutMs: 1_000 } }),
    ]);
    await clock.advance(100);
    const own = writePunch({ kind: 'probe', from: 'hard', round: 0, nonce, echo: nonce }, key);
    const ownEasy = writePunch({ kind: 'answer', from: 'easy', round: 1, nonce, echo: nonce }, key);
    const sentBefore = sockets.map(({ sent }) => sent);
    for (const bytes of [forged, own, forged.subarray(1), Buffer.alloc(0), Buffer.alloc(PUNCH_BYTES, 0x6b)]) {
      for (const socket of sockets) socket.deliver(bytes, { address: '198.51.100.66', port: 7 });
    }
    for (const bytes of [forged, ownEasy]) easySocket.deliver(bytes, { address: '198.51.100.66', port: 7 });
    await clock.advance(100);
    expect(sockets.map(({ sent }) => sent)).toEqual(sentBefore);
    expect(heard).toEqual([]);
    expect(hardNat.mappings).toBe(2);
    await clock.advance(5_000);
    expect(await both).toEqual([null, null]);
    stranger.close();
  });

  it('takes only an answer to its own probe, and the latest one', async () => {
    const { punchEasy, easySocket } = pair(1);
    const easy = punchEasy({ budget: { probes: 1 } });
    const sent: Buffer[] = [];
    easySocket.send = (bytes: Uint8Array) => void sent.push(Buffer.from(bytes));
    await clock.advance(50);
    const probe = sent[0] && readPunch(sent[0], key);
    if (!probe) throw new Error('no probe');
    const nonce = randomBytes(8);
    const answer = (round: number, echo: Buffer) => writePunch({ kind: 'answer', from: 'hard', round, nonce, echo }, key);
    const from = (port: number) => ({ address: HARD, port });
    easySocket.deliver(answer(9, randomBytes(8)), from(1));
    expect(sent).toHaveLength(1);
    easySocket.deliver(answer(255, probe.nonce), from(2));
    easySocket.deliver(answer(0, probe.nonce), from(3));
    easySocket.deliver(answer(255, probe.nonce), from(2));
    expect(sent.slice(1).map((bytes) => readPunch(bytes, key))).toEqual(
      [255, 0].map((round) => ({ kind: 'confirm', from: 'easy', round, nonce: probe.nonce, echo: nonce })),
    );
    await clock.advance(1_000);
    expect(await easy).toMatchObject({ remote: from(3) });
  });

  it('wants a key of 32 bytes', async () => {
    const { punchEasy } = pair(1);
    await expect(punchEasy({ key: Buffer.alloc(16) })).rejects.toThrow(TypeError);
  });
});
