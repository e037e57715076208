import { RtcpPacketConverter, RtcpTransportLayerFeedback, TransportWideCC } from 'werift';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { MAX_TWCC_PACKETS, parseTwcc, TWCC_URI, TWCC_WRAP_MS, twccExtension, writeTwcc, type TwccFeedback } from './twcc.ts';
import { TwccRecorder } from './twcc-recorder.ts';

/** RTCP's header and padding taken off, as the library does. */
function bodyOf(packet: Buffer): Buffer {
  const padding = (packet[0] ?? 0) & 0x20 ? (packet.at(-1) ?? 0) : 0;
  expect(packet.readUInt16BE(2) * 4 + 4).toBe(packet.length);
  return packet.subarray(4, packet.length - padding);
}
const read = (packet: Buffer | null) => packet && parseTwcc(bodyOf(packet));
const write = (base: number, arrivals: readonly number[], count = 0) => writeTwcc({ base, arrivals, count }, 1, 2);

describe('transport-wide feedback', () => {
  it('says when each packet came, to a quarter of a millisecond, also out of order and after a hole', () => {
    const arrivals = [1000, 1000.25, NaN, 1000.1, 1090, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, 1089.5, 1500, 3000];
    const feedback = read(write(65_530, arrivals, 259));
    expect(feedback?.base).toBe(65_530);
    expect(feedback?.count).toBe(3);
    expect(feedback?.arrivals).toHaveLength(arrivals.length);
    feedback?.arrivals.forEach((at, index) => {
      const told = arrivals[index] ?? 0;
      expect(Number.isNaN(at)).toBe(Number.isNaN(told));
      if (!Number.isNaN(told)) expect(Math.abs(at - told)).toBeLessThanOrEqual(0.125);
    });
  });

  it('gives back whatever was written, as random as it may be', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 500; round += 1) {
      const lossy = random();
      let at = Math.floor(random() * 1e6) / 4;
      const arrivals = Array.from({ length: 1 + Math.floor(random() * 300) }, () => {
        at += Math.floor(random() ** 8 * 500 - 10) / 4;
        return random() < lossy * lossy ? NaN : at;
      });
      if (arrivals.every(Number.isNaN)) continue;
      expect(read(write(round, arrivals))?.arrivals).toEqual(arrivals);
    }
  });

  it('is small where all is well: a byte a packet and little more', () => {
    const packet = write(
      0,
      Array.from({ length: 200 }, (_, index) => index * 2),
    );
    expect(packet?.length).toBeLessThanOrEqual(224);
  });

  it('counts time around its wrap, and cannot tell of packets that are too far apart', () => {
    expect(read(write(1, [TWCC_WRAP_MS + 64, TWCC_WRAP_MS + 80]))?.arrivals).toEqual([64, 80]);
    expect(write(1, [0, 9000])).toBeNull();
  });

  it('is understood by another implementation', () => {
    const packet = write(
      7,
      Array.from({ length: 9 }, (_, index) => 640 + index * 10),
    );
    const [parsed] = RtcpPacketConverter.deSerialize(packet ?? Buffer.alloc(0));
    expect(parsed).toBeInstanceOf(RtcpTransportLayerFeedback);
    const { feedback } = parsed as RtcpTransportLayerFeedback;
    expect(feedback).toBeInstanceOf(TransportWideCC);
    const theirs = feedback as TransportWideCC;
    expect([theirs.baseSequenceNumber, theirs.packetStatusCount, theirs.referenceTime]).toEqual([7, 9, 10]);
    expect(theirs.recvDeltas.map(({ delta }) => delta)).toEqual([0, ...Array.from({ length: 8 }, () => 10_000)]);
  });

  it('of one bit a packet is understood too, which others send', () => {
    const body = Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 3, 0, 0, 2, 9, 0b10_101000, 0, 4, 8]);
    expect(parseTwcc(body)).toEqual({ base: 5, arrivals: [129, NaN, 131], count: 9 });
  });

  it('that is nonsense is none, and never costs more than it may', () => {
    const random = seededRandom(9);
    const good = bodyOf(write(9, [5, NaN, 7, 900, NaN, NaN, 901]) ?? Buffer.alloc(0));
    let none = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = Buffer.from(good.subarray(0, 1 + Math.floor(random() * good.length)));
      for (let change = 0; change < 3; change += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const parsed = parseTwcc(bytes);
      if (!parsed) none += 1;
      else expect(parsed.arrivals.length).toBeLessThanOrEqual(MAX_TWCC_PACKETS);
    }
    expect(none).toBeGreaterThan(10_000);
    const huge = Buffer.concat([good.subarray(0, 10), Buffer.from([0xff, 0xff, 0, 0, 0, 0]), Buffer.alloc(40, 0x3f)]);
    expect(parseTwcc(huge)).toBeNull();
    expect(parseTwcc(new Uint8Array())).toBeNull();
  }, 30_000);

  it('is agreed on in the description, by a number of one byte', () => {
    const sdp = (id: string) => `a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:${id} ${TWCC_URI}\r\n`;
    expect(twccExtension(sdp('5'))).toBe(5);
    expect(twccExtension(sdp('3/recvonly'))).toBe(3);
    expect(twccExtension(sdp('15'))).toBeNull();
    expect(twccExtension('a=extmap:1 urn:other\r\n')).toBeNull();
  });
});

describe('the recorder', () => {
  const recorder = () => {
    const clock = new SimulatedClock();
    const sent: TwccFeedback[] = [];
    const made = new TwccRecorder({
      clock,
      send: (packet) => {
        const feedback = parseTwcc(bodyOf(packet));
        if (feedback) sent.push(feedback);
      },
    });
    return { clock, sent, recorder: made };
  };

  it('tells several times a second of all that came and of what is missing, each packet once', async () => {
    const { clock, sent, recorder: made } = recorder();
    for (let number = 65_500; number < 65_600; number += 1) {
      if (number % 10 !== 5) made.push(number & 0xffff, 2);
      await clock.advance(10);
    }
    await clock.advance(200);
    expect(sent.length).toBeGreaterThanOrEqual(6);
    expect(sent.length).toBeLessThanOrEqual(11);
    expect(sent.flatMap(({ base, arrivals }) => arrivals.map((at, index) => [(base + index) & 0xffff, at]))).toEqual(
      Array.from({ length: 100 }, (_, index) => [(65_500 + index) & 0xffff, index % 10 === 5 ? NaN : index * 10]),
    );
    expect(sent.map(({ count }) => count)).toEqual(sent.map((_, index) => index));
    await clock.advance(10_000);
    expect(sent.length).toBeLessThanOrEqual(11);
  });

  it('tells of what was only late, once it is there', async () => {
    const { clock, sent, recorder: made } = recorder();
    for (const number of [1, 2, 4, 5]) made.push(number, 2);
    await clock.advance(200);
    for (const number of [3, 6, 4]) made.push(number, 2);
    await clock.advance(200);
    expect(sent.map(({ base, arrivals }) => [base, arrivals])).toEqual([
      [1, [0, 0, NaN, 0, 0]],
      [3, [200, 0, 0, 200]],
    ]);
  });

  it('keeps a bounded window, whatever comes', async () => {
    const { clock, sent, recorder: made } = recorder();
    const random = seededRandom(2);
    for (let round = 0; round < 20_000; round += 1) {
      made.push(Math.floor(random() * 65_536), 2);
      if (round % 50 === 0) await clock.advance(30);
    }
    for (const { arrivals } of sent) expect(arrivals.length).toBeLessThanOrEqual(MAX_TWCC_PACKETS);
    made.close();
    const { length } = sent;
    made.push(1, 2);
    await clock.advance(1000);
    expect(sent).toHaveLength(length);
  });
});
