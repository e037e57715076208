import { createSocket, type Socket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock, systemClock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { seededRandom } from '../test/fakes/seeded-random.ts';
import { readMappedAddress, readXorMappedAddress } from '../peer/stun/address.ts';
import { ATTRIBUTE, attributeOf, METHOD_BINDING, parseStun, readErrorCode, STUN_CLASS, writeStun } from '../peer/stun/message.ts';
import { ownAddresses } from './addresses.ts';
import { answerBinding, type StunPlace } from './stun-answer.ts';
import { StunServer, type StunServerOptions } from './stun-server.ts';

const from = { address: '198.51.100.9', port: 40_000 };
const alone: StunPlace = {
  discovery: true,
  origin: (address, port) => (address ? null : { address: '203.0.113.1', port: port ? 3479 : 3478 }),
};
const two: StunPlace = { ...alone, origin: (address, port) => ({ address: `203.0.113.${address ? 2 : 1}`, port: port ? 3479 : 3478 }) };

const request = (attributes: { type: number; value: Buffer }[] = []) => {
  const transactionId = randomBytes(12);
  return { transactionId, bytes: writeStun({ class: STUN_CLASS.request, method: METHOD_BINDING, transactionId }, attributes) };
};
const change = (flags: number) => ({ type: ATTRIBUTE.changeRequest, value: Buffer.from([0, 0, 0, flags]) });
const answer = (datagram: Buffer, place: StunPlace = two) => {
  const message = parseStun(datagram);
  return message && answerBinding(message, from, place);
};
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(bind: string, options: Partial<StunServerOptions> = {}) {
  const server = new StunServer({ clock: systemClock, log: silentLog, perSecond: 1000, ...options });
  closers.push(() => server.close());
  await server.start(bind, 0);
  return server;
}

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  closers.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
}

/** Asks, and reads the answer and from where it came. */
async function ask(socket: Socket, bytes: Buffer, port: number, address: string, at = socket) {
  const heard = new Promise<{ data: Buffer; from: { address: string; port: number } }>((resolve) =>
    at.once('message', (data, { address, port }) => resolve({ data, from: { address, port } })),
  );
  socket.send(bytes, port, address);
  const { data, from } = await heard;
  const message = parseStun(data);
  if (!message) throw new Error('the answer is no STUN message');
  const address1 = (type: number) => {
    const value = attributeOf(message, type);
    return value && (type === ATTRIBUTE.xorMappedAddress ? readXorMappedAddress(value, message.transactionId) : readMappedAddress(value));
  };
  return {
    message,
    from,
    mapped: address1(ATTRIBUTE.xorMappedAddress),
    origin: address1(ATTRIBUTE.responseOrigin),
    other: address1(ATTRIBUTE.otherAddress),
    error: readErrorCode(attributeOf(message, ATTRIBUTE.errorCode) ?? Buffer.alloc(0)),
  };
}

describe('STUN', () => {
  it.each(['127.0.0.1', '::1'])('tells a client its address over real UDP, on %s', async (address) => {
    const server = await serve(address);
    const socket = await socketOn(address);
    const { transactionId, bytes } = request();
    const { message, mapped, origin, other } = await ask(socket, bytes, server.port, address);
    expect(message.class).toBe(STUN_CLASS.success);
    expect(message.transactionId.equals(transactionId)).toBe(true);
    expect(mapped).toEqual({ address, port: socket.address().port });
    expect(origin).toEqual({ address, port: server.port });
    expect(other).toBeUndefined();
    expect(message.attributes.at(-1)?.type).toBe(ATTRIBUTE.fingerprint);
  });

  it('answers 420 to attributes that must be understood and are not, and names them', () => {
    const { bytes } = request([
      { type: ATTRIBUTE.channelNumber, value: Buffer.alloc(4) },
      { type: 0x7777, value: Buffer.alloc(1) },
      { type: 0x8001, value: Buffer.alloc(1) },
    ]);
    const message = parseStun(answer(bytes)?.bytes ?? Buffer.alloc(0));
    expect(message?.class).toBe(STUN_CLASS.error);
    const value = (type: number) => (message && attributeOf(message, type)) ?? Buffer.alloc(0);
    expect(readErrorCode(value(ATTRIBUTE.errorCode))).toBe(420);
    expect(value(ATTRIBUTE.unknownAttributes).toString('hex')).toBe('000c7777');
  });

  it('answers nothing but Binding requests, and never with much more than was asked', () => {
    const { transactionId, bytes } = request();
    for (const kind of [STUN_CLASS.indication, STUN_CLASS.success, STUN_CLASS.error]) {
      expect(answer(writeStun({ class: kind, method: METHOD_BINDING, transactionId }, []))).toBeNull();
    }
    expect(answer(writeStun({ class: STUN_CLASS.request, method: 3, transactionId }, []))).toBeNull();
    expect(answer(Buffer.from('hello'))).toBeNull();
    expect(answer(bytes)?.bytes.length).toBeLessThanOrEqual(bytes.length + 60);
    const six: StunPlace = { discovery: true, origin: () => ({ address: '2001:db8::1', port: 3478 }) };
    const plain = parseStun(bytes.subarray(0, 20).fill(0, 2, 4));
    const long = plain && answerBinding(plain, { address: '2001:db8::2', port: 1 }, six);
    expect(long?.bytes.length).toBe(20 + 80);
    const random = seededRandom(5);
    const seeds = [
      bytes,
      request([change(6), { type: ATTRIBUTE.padding, value: Buffer.alloc(40) }]).bytes,
      request([{ type: ATTRIBUTE.responsePort, value: Buffer.from([1, 2, 0, 0]) }]).bytes,
    ];
    for (let round = 0; round < 100_000; round += 1) {
      const data = Buffer.from(seeds[round % seeds.length] ?? bytes);
      for (let at = 0; at < data.length; at += 1) if (random() < 0.05) data[at] = Math.floor(random() * 256);
      // The fingerprint would end the matter for nearly all of them.
      const end = random() < 0.5 ? data.length : data.length - 8;
      data.writeUInt16BE(end - 20, 2);
      const found = answer(data.subarray(0, end));
      if (found) expect(found.bytes.length).toBeLessThanOrEqual(end + 68);
    }
  });

  it('answers at a bounded rate, and each address at its own', async () => {
    const clock = new SimulatedClock();
    const server = await serve('127.0.0.1', { clock, perSecond: 5, perSecondPerAddress: 1 });
    const [one, two] = [await socketOn('127.0.0.1'), await socketOn('127.0.0.3')];
    let answers = 0;
    for (const socket of [one, two]) socket.on('message', () => (answers += 1));
    const send = (socket: Socket) => new Promise((resolve) => socket.send(request().bytes, server.port, '127.0.0.1', resolve));
    const settled = async () => {
      while (answers + server.dropped < sent) await new Promise((resolve) => setImmediate(resolve));
    };
    let sent = 10;
    for (let count = 0; count < 10; count += 1) await send(one);
    await settled();
    expect(answers).toBe(2);
    sent += 2;
    for (let count = 0; count < 2; count += 1) await send(two);
    await settled();
    expect(answers).toBe(4);
    await clock.advance(1000);
    sent += 3;
    for (let count = 0; count < 3; count += 1) await send(one);
    await settled();
    expect([answers, server.dropped]).toEqual([5, 10]);
  });

  it('says which port is taken, and which address is not this machine’s', async () => {
    const one = await serve('127.0.0.1');
    const other = () => new StunServer({ clock: systemClock, log: silentLog, perSecond: 1 });
    await expect(other().start('127.0.0.1', one.port)).rejects.toMatchObject({ code: 'port-in-use' });
    await expect(other().start('203.0.113.1', 0)).rejects.toMatchObject({ code: 'usage' });
  });

  it('is not ended by a datagram that cannot be answered', async () => {
    const server = await serve('127.0.0.1');
    const socket = await socketOn('127.0.0.1');
    const { bytes } = request([{ type: ATTRIBUTE.responsePort, value: Buffer.from([0, 0, 0, 0]) }]);
    socket.send(bytes, server.port, '127.0.0.1');
    expect((await ask(socket, request().bytes, server.port, '127.0.0.1')).message.class).toBe(STUN_CLASS.success);
  });
});

describe('NAT behaviour discovery (RFC 5780)', () => {
  const alternates = [{ local: '127.0.0.2', announced: '127.0.0.2' }];

  it('answers from the address and the port that was asked for, and says which they are', async () => {
    const server = await serve('127.0.0.1', { alternates });
    const socket = await socketOn('127.0.0.1');
    const { port, alternatePort } = server;
    for (const [address, at] of [
      ['127.0.0.1', port],
      ['127.0.0.1', alternatePort],
      ['127.0.0.2', port],
      ['127.0.0.2', alternatePort],
    ] as const) {
      for (const flags of [0, 2, 4, 6]) {
        const { from, origin, other, mapped } = await ask(socket, request([change(flags)]).bytes, at, address);
        const otherAddress = address === '127.0.0.1' ? '127.0.0.2' : '127.0.0.1';
        const otherPort = at === port ? alternatePort : port;
        const expected = { address: flags & 4 ? otherAddress : address, port: flags & 2 ? otherPort : at };
        expect({ from, origin, other }).toEqual({ from: expected, origin: expected, other: { address: otherAddress, port: otherPort } });
        expect(mapped).toEqual({ address: '127.0.0.1', port: socket.address().port });
      }
    }
  });

  it('answers to another port of the one who asks, when asked to', async () => {
    const server = await serve('127.0.0.1');
    const [asking, hearing] = [await socketOn('127.0.0.1'), await socketOn('127.0.0.1')];
    const value = Buffer.alloc(4);
    value.writeUInt16BE(hearing.address().port, 0);
    const { bytes } = request([{ type: ATTRIBUTE.responsePort, value }]);
    const { mapped } = await ask(asking, bytes, server.port, '127.0.0.1', hearing);
    expect(mapped).toEqual({ address: '127.0.0.1', port: asking.address().port });
  });

  it('pads an answer as its question was, and no more', async () => {
    const server = await serve('127.0.0.1');
    const socket = await socketOn('127.0.0.1');
    const padded = request([{ type: ATTRIBUTE.padding, value: Buffer.alloc(1400) }]);
    const { message } = await ask(socket, padded.bytes, server.port, '127.0.0.1');
    expect(attributeOf(message, ATTRIBUTE.padding)?.length).toBe(1400);
    expect(message.bytes.length).toBeLessThanOrEqual(padded.bytes.length + 60);
  });

  it('with one address does not pretend to have another: no OTHER-ADDRESS, 420, and the other port all the same', async () => {
    const server = await serve('127.0.0.1');
    const socket = await socketOn('127.0.0.1');
    const asked = (flags: number) => ask(socket, request([change(flags)]).bytes, server.port, '127.0.0.1');
    for (const flags of [4, 6]) expect(await asked(flags)).toMatchObject({ error: 420, from: { port: server.port } });
    expect(await asked(2)).toMatchObject({ error: null, other: undefined, from: { port: server.alternatePort } });
  });

  it('answers from the address that was asked, on every address of the machine', async () => {
    const server = await serve('::');
    const addresses = ownAddresses().filter((address) => address.includes(':') || address !== '127.0.0.1');
    for (const address of ['127.0.0.1', ...addresses]) {
      const socket = await socketOn(address);
      const { from, origin, mapped } = await ask(socket, request().bytes, server.port, address);
      expect({ from, origin }).toEqual({ from: { address, port: server.port }, origin: { address, port: server.port } });
      expect(mapped).toEqual({ address, port: socket.address().port });
    }
  });

  it('announces the address by which others know it, where that is another', async () => {
    const server = await serve('127.0.0.1', {
      alternates: [{ local: '127.0.0.2', announced: '203.0.113.2' }],
      known: [{ local: '127.0.0.1', announced: '203.0.113.1' }],
    });
    const socket = await socketOn('127.0.0.1');
    const { origin, other } = await ask(socket, request().bytes, server.port, '127.0.0.1');
    expect([origin?.address, other?.address]).toEqual(['203.0.113.1', '203.0.113.2']);
    expect((await ask(socket, request([change(4)]).bytes, server.port, '127.0.0.1')).origin?.address).toBe('203.0.113.2');
  });

  it('refuses requests whose RFC 5780 attributes have no right length', () => {
    for (const type of [ATTRIBUTE.changeRequest, ATTRIBUTE.responsePort]) {
      for (const length of [0, 1, 3, 5, 8]) {
        const message = parseStun(answer(request([{ type, value: Buffer.alloc(length) }]).bytes)?.bytes ?? Buffer.alloc(0));
        expect(readErrorCode((message && attributeOf(message, ATTRIBUTE.errorCode)) ?? Buffer.alloc(0))).toBe(400);
      }
    }
  });

  it('is not served over streams, which have no other address', () => {
    const place = { ...two, discovery: false };
    const plain = parseStun(answer(request().bytes, place)?.bytes ?? Buffer.alloc(0));
    expect(plain?.attributes.map(({ type }) => type)).toEqual([ATTRIBUTE.xorMappedAddress, ATTRIBUTE.fingerprint]);
    const message = parseStun(answer(request([change(2)]).bytes, place)?.bytes ?? Buffer.alloc(0));
    expect(readErrorCode((message && attributeOf(message, ATTRIBUTE.errorCode)) ?? Buffer.alloc(0))).toBe(420);
  });
});
