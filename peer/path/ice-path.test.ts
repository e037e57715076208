import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StunProtocol } from 'werift';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { METHOD_BINDING, parseStun, STUN_CLASS, writeStun, xorMappedAddress, ATTRIBUTE } from '../stun/message.ts';
import { IcePath } from './ice-path.ts';
import type { IceOptions } from './ice-gather.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0)) await one.close();
});

const NONE: IceOptions = { stun: [], turn: [], policy: 'all' };

async function gather(controlling: boolean, ice: IceOptions = NONE): Promise<IcePath> {
  const path = await IcePath.gather(controlling, ice, systemClock, silentLog);
  open.push(path);
  return path;
}

const connected = (path: IcePath) =>
  new Promise<void>((resolve) => (path.current === 'connected' ? resolve() : path.state.on((state) => state === 'connected' && resolve())));

async function udp(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  open.push({ close: () => new Promise<void>((resolve) => socket.close(() => resolve())) });
  return { socket, port: socket.address().port };
}

/** A STUN server that sees everybody at 203.0.113.7. */
async function stun(): Promise<string> {
  const { socket, port } = await udp();
  socket.on('message', (data, from) => {
    const request = parseStun(data);
    if (!request) return;
    const value = xorMappedAddress('203.0.113.7', from.port, request.transactionId) ?? Buffer.alloc(0);
    const head = { class: STUN_CLASS.success, method: METHOD_BINDING, transactionId: request.transactionId };
    socket.send(writeStun(head, [{ type: ATTRIBUTE.xorMappedAddress, value }]), from.port, from.address);
  });
  return `stun:127.0.0.1:${port}`;
}

describe('a path', () => {
  it('connects, carries data both ways, and says which pair it goes by', async () => {
    const [one, other] = [await gather(true), await gather(false)];
    one.connect(other.description);
    other.connect(one.description);
    await Promise.all([connected(one), connected(other)]);
    const heard = new Promise<string>((resolve) => other.data.on((data) => resolve(data.toString('latin1'))));
    const data = Buffer.concat([Buffer.from([0x80]), Buffer.from('by the path')]);
    one.send(data);
    expect(await heard).toBe(data.toString('latin1'));
    expect(one.pair?.kind).toBe('host');
    expect(one.pairs.some(({ nominated, state }) => nominated && state === 'succeeded')).toBe(true);
    expect([one.bytes.sent, other.bytes.received]).toEqual([data.length, data.length]);
  });

  it('goes on trying pairs that failed, for as long as it is wanted', async () => {
    const [one, other] = [await gather(true), await gather(false)];
    // The other end is deaf for longer than a pair is tried for.
    let deaf = true;
    const request = StunProtocol.prototype.request;
    vi.spyOn(StunProtocol.prototype, 'request').mockImplementation(function (this: StunProtocol, ...args) {
      return deaf ? Promise.reject(new Error('no answer')) : request.apply(this, args);
    });
    one.connect(other.description);
    await vi.waitFor(() => expect(one.pairs.every(({ state }) => state === 'failed')).toBe(true), { timeout: 10_000 });
    deaf = false;
    other.connect(one.description);
    await Promise.all([connected(one), connected(other)]);
  });

  it('takes the first answer of several STUN servers: a dead one costs nothing', async () => {
    const dead = await udp();
    const path = await IcePath.gather(
      true,
      { ...NONE, stun: [`stun:127.0.0.1:${dead.port}`, await stun()] },
      // Time stands still: who waited for the dead one would wait for ever.
      new SimulatedClock(),
      silentLog,
    );
    open.push(path);
    expect(path.description.candidates.some((line) => line.includes('203.0.113.7') && line.includes('typ srflx'))).toBe(true);
  });

  it('asks nobody who was not named', async () => {
    const asked: string[] = [];
    const request = StunProtocol.prototype.request;
    vi.spyOn(StunProtocol.prototype, 'request').mockImplementation(function (this: StunProtocol, ...args) {
      asked.push(String(args[1]));
      return request.apply(this, args);
    });
    const path = await gather(true);
    expect(asked).toEqual([]);
    expect(path.description.candidates.every((line) => line.includes('typ host'))).toBe(true);
  });

  it('has the port that the router maps among its candidates, and gives it back', async () => {
    let closed = 0;
    const mapPort = async (port: number) => ({ externalAddress: '203.0.113.9', externalPort: port, close: () => void (closed += 1) });
    const path = await gather(true, { ...NONE, mapPort });
    expect(path.usesMappedPort).toBe(true);
    expect(path.description.candidates.some((line) => line.includes('203.0.113.9') && line.includes('typ srflx'))).toBe(true);
    await path.close();
    expect(closed).toBeGreaterThan(0);
  });

  it('sends nothing any more once consent is lost', async () => {
    const [one, other] = [await gather(true), await gather(false)];
    one.connect(other.description);
    other.connect(one.description);
    await Promise.all([connected(one), connected(other)]);
    const lost = new Promise<void>((resolve) => one.consentChanged.on((state) => state === 'lost' && resolve()));
    await other.close();
    await lost;
    const { sent } = one.bytes;
    one.send(Buffer.from([0x80, 1]));
    expect(one.bytes.sent).toBe(sent);
  }, 20_000);
});
