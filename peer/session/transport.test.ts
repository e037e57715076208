import { systemClock } from '../../electron/base/clock.ts';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { afterEach, expect, it, vi } from 'vitest';
import { RTCPeerConnection } from 'werift';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { silentLog } from '../../electron/base/log.ts';
import { Transport, type InboundPacket, type TransportState } from './transport.ts';

const ICE = { stun: [], turn: [], policy: 'all' } as const;
const open: Transport[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const transport of open.splice(0)) await transport.close();
});

const until = (transport: Transport, wanted: TransportState) =>
  new Promise<void>((resolve) => {
    if (transport.current === wanted) return resolve();
    transport.state.on((state) => state === wanted && resolve());
  });

/** Both ends of a connection, and the library's own object under the viewer's, which does as it pleases. */
async function connected() {
  const create = vi.spyOn(RTCPeerConnection.prototype, 'createDataChannel');
  const viewer = await Transport.create('viewer', ICE, systemClock, silentLog);
  const hostile = create.mock.contexts[0];
  if (!(hostile instanceof RTCPeerConnection)) throw new Error('the viewer opened no channel');
  create.mockRestore();
  const camera = await Transport.create('camera', ICE, systemClock, silentLog);
  open.push(viewer, camera);
  const ready = new Promise<void>((resolve) => camera.controlReady.on(resolve));
  await viewer.acceptAnswer(await camera.acceptOffer(await viewer.createOffer(), false), false);
  await ready;
  return { viewer, camera, hostile };
}

it('lets no RTP and no RTCP through before it is released, out or in', async () => {
  const { viewer, camera } = await connected();
  const heard: InboundPacket[] = [];
  viewer.packets.on((packet) => heard.push(packet));
  const packet = (sequenceNumber: number) => {
    const payload = Buffer.from('not before');
    return { ssrc: 7, sequenceNumber, timestamp: 1, marker: true, payloadType: 96, payload, composition: 0 };
  };
  /** What was sent before it has arrived. */
  const arrived = async () => {
    const said = new Promise<void>((resolve) => viewer.controlMessages.on(() => resolve()));
    camera.sendControl(Buffer.from('now'));
    await said;
  };
  expect(camera.seal(packet(1))).toBeNull();
  camera.sendSenderReport({ ssrc: 7, ntp: 0n, rtp: 1, packets: 1, octets: 1 });
  await arrived();
  expect(viewer.discarded).toBe(0);

  camera.release();
  camera.sendSealed(camera.seal(packet(2)) ?? Buffer.alloc(0));
  camera.sendSenderReport({ ssrc: 7, ntp: 0n, rtp: 1, packets: 1, octets: 1 });
  await arrived();
  expect([viewer.discarded, heard.length]).toEqual([2, 0]);

  viewer.release();
  camera.sendSealed(camera.seal(packet(3)) ?? Buffer.alloc(0));
  await arrived();
  expect(heard.map(({ sequenceNumber }) => sequenceNumber)).toEqual([3]);
});

it('a stranger who knows the ports cannot spoil the handshake with packets of his own', async () => {
  const viewer = await Transport.create('viewer', ICE, systemClock, silentLog);
  const camera = await Transport.create('camera', ICE, systemClock, silentLog);
  open.push(viewer, camera);
  const offer = await viewer.createOffer();
  const answer = await camera.acceptOffer(offer, false);
  const ends = [...(offer + answer).matchAll(/^a=candidate:\S+ \d+ udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+)/gim)];
  expect(ends.length).toBeGreaterThanOrEqual(2);
  const stranger = createSocket('udp4');
  // Records (RFC 6347 §4.1) of every type and epoch, among them handshake messages of nonsense.
  const random = seededRandom(3);
  const junk = Array.from({ length: 60 }, (_, index) => {
    const body = randomBytes(20 + Math.floor(random() * 80));
    if (index % 2 === 0)
      Buffer.from([[1, 2, 11, 12, 14, 16][index % 6] ?? 20, 0, 0, body.length - 12, 0, index % 5, 0, 0, 0, 0, 0, body.length - 12]).copy(
        body,
      );
    const type = index % 2 === 0 ? 22 : 20 + (index % 5);
    return Buffer.concat([Buffer.from([type, 0xfe, 0xfd, 0, index % 3, 0, 0, 0, 0, 0, index, 0, body.length]), body]);
  });
  const spam = setInterval(() => {
    for (const [, host, port] of ends) for (const data of junk) stranger.send(data, Number(port), host);
  }, 5);
  try {
    const secured = Promise.all([until(viewer, 'secured'), until(camera, 'secured')]);
    await viewer.acceptAnswer(answer, false);
    await secured;
  } finally {
    clearInterval(spam);
    stranger.close();
  }
});

it('probes a bounded number of addresses that a peer names', async () => {
  const viewer = await Transport.create('viewer', ICE, systemClock, silentLog);
  const camera = await Transport.create('camera', ICE, systemClock, silentLog);
  open.push(viewer, camera);
  const offer = await viewer.createOffer();
  const more = Array.from({ length: 200 }, (_, n) => `a=candidate:9 1 udp 1 203.0.113.${n} 9 typ host\r\n`).join('');
  await expect(camera.acceptOffer(offer + more, false)).rejects.toThrow(RangeError);
});

it('a peer that opens ever more channels is let go', async () => {
  const { camera, hostile } = await connected();
  for (let count = 0; count < 20; count += 1) hostile.createDataChannel(`more ${count}`);
  await until(camera, 'failed');
});

it('a peer that sends messages without an end is let go', async () => {
  const { camera, viewer, hostile } = await connected();
  const heard: number[] = [];
  camera.controlMessages.on(({ length }) => heard.push(length));
  // Large messages that have an end do no harm, however many.
  for (let count = 0; count < 40; count += 1) viewer.sendControl(Buffer.alloc(60_000));
  await new Promise<void>((resolve) => camera.controlMessages.on(() => heard.length === 40 && resolve()));
  expect(camera.current).toBe('secured');
  const sctp = hostile.sctpTransport?.sctp;
  if (!sctp) throw new Error('there is no SCTP');
  const LAST_FRAGMENT = 1;
  const send: unknown = Reflect.get(sctp, 'sendChunk');
  if (typeof send !== 'function') throw new Error('werift has changed');
  Reflect.set(sctp, 'sendChunk', (chunk: { flags: number }) => {
    if ('userData' in chunk) chunk.flags &= ~LAST_FRAGMENT;
    return Reflect.apply(send, sctp, [chunk]) as unknown;
  });
  for (let count = 0; count < 40; count += 1) viewer.sendControl(Buffer.alloc(60_000));
  await until(camera, 'failed');
}, 30_000);
