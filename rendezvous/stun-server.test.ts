import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { SimulatedClock, systemClock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { seededRandom } from '../test/fakes/seeded-random.ts';
import { ATTRIBUTE, METHOD_BINDING, parseStun, readXorMappedAddress, STUN_CLASS, writeStun } from '../peer/stun/message.ts';
import { answerStun } from './stun-answer.ts';
import { StunServer } from './stun-server.ts';

const from = { address: '198.51.100.9', port: 40_000 };
const request = (attributes: { type: number; value: Buffer }[] = []) => {
  const transactionId = randomBytes(12);
  return { transactionId, bytes: writeStun({ class: STUN_CLASS.request, method: METHOD_BINDING, transactionId }, attributes) };
};
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

it('tells a client its address over real UDP', async () => {
  const server = new StunServer({ clock: systemClock, log: silentLog, perSecond: 100 });
  closers.push(() => server.close());
  await server.start('127.0.0.1', 0);
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { transactionId, bytes } = request();
  const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  socket.send(bytes, server.port, '127.0.0.1');
  const message = parseStun(await answer);
  expect(message?.class).toBe(STUN_CLASS.success);
  expect(message?.transactionId.equals(transactionId)).toBe(true);
  const mapped = message?.attributes.find(({ type }) => type === ATTRIBUTE.xorMappedAddress)?.value ?? Buffer.alloc(0);
  expect(readXorMappedAddress(mapped, transactionId)).toEqual({ address: '127.0.0.1', port: socket.address().port });
  expect(message?.attributes.at(-1)?.type).toBe(ATTRIBUTE.fingerprint);
});

it('answers 420 to attributes that must be understood and are not, and names them', () => {
  const { bytes } = request([
    { type: 0x0003, value: Buffer.alloc(4) },
    { type: 0x7777, value: Buffer.alloc(1) },
    { type: 0x8001, value: Buffer.alloc(1) },
  ]);
  const message = parseStun(answerStun(bytes, from) ?? Buffer.alloc(0));
  expect(message?.class).toBe(STUN_CLASS.error);
  const value = (type: number) => message?.attributes.find((attribute) => attribute.type === type)?.value;
  expect([...(value(ATTRIBUTE.errorCode)?.subarray(2, 4) ?? [])]).toEqual([4, 20]);
  expect(value(ATTRIBUTE.unknownAttributes)?.toString('hex')).toBe('00037777');
});

it('answers nothing but Binding requests, and never with much more than was asked', () => {
  const { transactionId, bytes } = request();
  for (const kind of [STUN_CLASS.indication, STUN_CLASS.success, STUN_CLASS.error]) {
    expect(answerStun(writeStun({ class: kind, method: METHOD_BINDING, transactionId }, []), from)).toBeNull();
  }
  expect(answerStun(writeStun({ class: STUN_CLASS.request, method: 3, transactionId }, []), from)).toBeNull();
  expect(answerStun(Buffer.from('hello'), from)).toBeNull();
  expect(answerStun(bytes, from)?.length).toBeLessThanOrEqual(bytes.length + 60);
  const random = seededRandom(5);
  for (let round = 0; round < 10_000; round += 1) {
    const data = Buffer.from(bytes);
    for (let at = 0; at < data.length; at += 1) if (random() < 0.05) data[at] = Math.floor(random() * 256);
    const answer = answerStun(data, from);
    if (answer) expect(answer.length).toBeLessThanOrEqual(data.length + 60);
  }
});

it('answers at a bounded rate', async () => {
  const clock = new SimulatedClock();
  const server = new StunServer({ clock, log: silentLog, perSecond: 3 });
  closers.push(() => server.close());
  await server.start('127.0.0.1', 0);
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  let answers = 0;
  const last = new Promise<void>((resolve) =>
    socket.on('message', () => {
      answers += 1;
      if (answers === 4) resolve();
    }),
  );
  const { port } = server;
  const send = () => new Promise((resolve) => socket.send(request().bytes, port, '127.0.0.1', resolve));
  for (let count = 0; count < 10; count += 1) await send();
  while (server.dropped < 7) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(334);
  await send();
  await last;
  expect(server.dropped).toBe(7);
});

it('says which port is taken', async () => {
  const [one, two] = [0, 1].map(() => new StunServer({ clock: systemClock, log: silentLog, perSecond: 1 }));
  closers.push(() => one?.close());
  await one?.start('127.0.0.1', 0);
  await expect(two?.start('127.0.0.1', one?.port ?? 0)).rejects.toMatchObject({ code: 'port-in-use' });
});
