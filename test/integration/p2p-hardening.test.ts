import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Transport } from '../../peer/session/transport.ts';
import { ATTRIBUTE, METHOD_BINDING, parseStun, STUN_CLASS, writeStun } from '../../peer/stun/message.ts';
import { World } from './p2p-world.ts';

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

/** A live session, and a stranger who knows the UDP ports of both its ends. */
async function live() {
  const talking = vi.spyOn(Transport.prototype, 'sendControl');
  const camera = world.camera();
  const app = world.app();
  const { sink } = world.source(app, await world.pair(app, camera.invite()));
  await sink.until(({ state, statuses }) => state === 'live' && statuses.at(-1)?.path !== null);
  const path = sink.statuses.at(-1)?.path;
  const ends = [path?.local ?? '', path?.remote ?? ''].map((end) => {
    const at = end.lastIndexOf(':');
    return { host: end.slice(0, at).replace(/[[\]]/g, ''), port: Number(end.slice(at + 1)) };
  });
  const stranger = createSocket(ends[0]?.host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => stranger.bind(0, resolve));
  world.onClose(() => new Promise<void>((resolve) => stranger.close(resolve)));
  const heard: Buffer[] = [];
  stranger.on('message', (data) => heard.push(data));
  const send = async (data: Buffer) => {
    for (const { host, port } of ends) await new Promise<void>((resolve) => stranger.send(data, port, host, () => resolve()));
  };
  /** As one on the path can, who writes the ends' own addresses on his packets. */
  const spoof = (data: Buffer) => {
    for (const end of new Set(talking.mock.contexts)) if (end instanceof Transport) end.sendSealed(data);
  };
  return { sink, send, spoof, heard };
}

describe('a stranger who can send packets to a live session', () => {
  it('gets no answer to STUN that is not made with the password of the session, and changes nothing', async () => {
    const { sink, send, heard } = await live();
    const transactionId = randomBytes(12);
    const attributes = [
      { type: ATTRIBUTE.username, value: Buffer.from('nobody:knows') },
      { type: ATTRIBUTE.priority, value: Buffer.from([0x7f, 0, 0, 1]) },
      { type: ATTRIBUTE.iceControlling, value: Buffer.alloc(8, 0xff) },
      { type: ATTRIBUTE.useCandidate, value: Buffer.alloc(0) },
    ];
    const request = { class: STUN_CLASS.request, method: METHOD_BINDING, transactionId };
    const bare = writeStun(request, attributes);
    const forged = writeStun(request, [
      ...attributes,
      { type: ATTRIBUTE.messageIntegrity, value: createHmac('sha1', 'guessed').update(bare).digest() },
    ]);
    expect(parseStun(forged)).not.toBeNull();
    for (let round = 0; round < 20; round += 1) for (const datagram of [bare, forged]) await send(datagram);
    const count = sink.units.length;
    await sink.until(({ units }) => units.length > count + 50);
    expect(heard).toEqual([]);
    expect(
      sink.statuses.every(({ state }, index) => state === 'live' || index < sink.statuses.findIndex((status) => status.state === 'live')),
    ).toBe(true);
  });

  it('can neither begin DTLS anew nor end it with plain records, nor slip in media', async () => {
    const { sink, send, spoof } = await live();
    const record = (type: number, body: Buffer) => {
      const header = Buffer.from([type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0]);
      header.writeUInt16BE(body.length, 11);
      return Buffer.concat([header, body]);
    };
    // RFC 6347 §4.2.2: a ClientHello in one fragment, without a cookie.
    const hello = Buffer.concat([
      Buffer.from('0100002a000000000000002afefd', 'hex'),
      randomBytes(32),
      Buffer.from('00000002c02b0100', 'hex'),
    ]);
    // close_notify, as a warning
    const alert = Buffer.from([1, 0]);
    const rtp = Buffer.concat([Buffer.from([0x80, 96]), randomBytes(60)]);
    const timeline = sink.units.at(-1)?.timeline;
    for (let round = 0; round < 20; round += 1)
      for (const data of [record(22, hello), record(21, alert), record(20, Buffer.from([1])), rtp]) {
        await send(data);
        spoof(data);
      }
    const count = sink.units.length;
    await sink.until(({ units }) => units.length > count + 50);
    expect(sink.units.at(-1)?.timeline).toBe(timeline);
    // The control channel is alive too: the session would be lost without it.
    await sink.until(({ units }) => units.length > count + 150, 20_000);
    expect(sink.units.at(-1)?.timeline).toBe(timeline);
  });
});
