import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { utcMs } from '../../electron/base/units.ts';
import { ntpTime } from './ntp.ts';
import { RtpStream } from './rtp-stream.ts';
import type { OutboundPacket } from './transport.ts';

let clock: SimulatedClock;
let sealed: OutboundPacket[];
let sent: string[];
let reports: { ntp: bigint; rtp: number; packets: number; octets: number }[];
let open: boolean;
let stream: RtpStream;
beforeEach(() => {
  clock = new SimulatedClock();
  [sealed, sent, reports, open] = [[], [], [], true];
  const wire = {
    seal: (packet: OutboundPacket) => {
      if (!open) return null;
      sealed.push(packet);
      return Buffer.from(String(packet.sequenceNumber));
    },
    sendSealed: (bytes: Buffer) => void sent.push(bytes.toString()),
    sendSenderReport: (report: (typeof reports)[number]) => void reports.push(report),
  };
  stream = new RtpStream({ ssrc: 7, payloadType: 96, wire, clock });
});

const frame = (payloads: number, timestamp = 90, utc = 1_000) => ({
  payloads: Array.from({ length: payloads }, () => Buffer.alloc(10)),
  timestamp,
  composition: 3600,
  utc: utcMs(utc),
});
const send = (of: ReturnType<typeof frame>) => of.payloads.forEach((_, index) => stream.send(of, index));

describe('RtpStream', () => {
  it('numbers its packets without a hole, across the wrap, and marks the last of a frame', () => {
    expect(stream.last).toBeNull();
    for (let round = 0; round < 30_000; round += 1) send(frame(3));
    const wrong = sealed.filter(
      ({ sequenceNumber, marker, composition }, index) =>
        sequenceNumber !== ((stream.first + index) & 0xffff) ||
        marker !== (index % 3 === 2) ||
        composition !== (index % 3 === 0 ? 3600 : 0),
    );
    expect(wrong).toEqual([]);
    expect(sealed).toHaveLength(90_000);
    expect(stream.first).toBeLessThan(0x8000);
    expect(stream.last).toBe(sealed.at(-1)?.sequenceNumber);
  });

  it('uses up no number for a packet that could not be sealed', () => {
    open = false;
    send(frame(5));
    open = true;
    send(frame(2));
    expect(sealed).toHaveLength(2);
    expect(stream.counters.packets).toBe(2);
  });

  it('repeats the very bytes that were sent, a few times each, and only what it has', () => {
    send(frame(3));
    const [first = 0] = sealed.map(({ sequenceNumber }) => sequenceNumber);
    stream.repeat([first, first + 1, first + 500, 65_000]);
    expect(sent.slice(3)).toEqual([String(first), String(first + 1)]);
    expect(sealed).toHaveLength(3);
    for (let round = 0; round < 50; round += 1) stream.repeat([first]);
    expect(stream.counters.repeated).toBe(9);
    for (let round = 0; round < 1024; round += 1) send(frame(1));
    const before = sent.length;
    stream.repeat([first, first + 1, first + 2]);
    expect(sent.length).toBe(before);
  });

  it('repeats nothing while there is no room for repair, and later does', () => {
    let room = false;
    const repeated: string[] = [];
    const repeating = new RtpStream({
      ssrc: 8,
      payloadType: 96,
      clock,
      wire: {
        seal: (packet) => Buffer.from(String(packet.sequenceNumber)),
        sendSealed: () => {},
        sendSenderReport: () => {},
        repeatSealed: (bytes) => {
          if (room) repeated.push(bytes.toString());
          return room;
        },
      },
    });
    const [of] = [frame(2)];
    of.payloads.forEach((_, index) => repeating.send(of, index));
    const numbers = [repeating.first, repeating.first + 1];
    for (let round = 0; round < 20; round += 1) repeating.repeat(numbers);
    expect(repeating.counters.repeated).toBe(0);
    room = true;
    repeating.repeat(numbers);
    expect(repeated).toEqual(numbers.map(String));
  });

  it('reports each second which RTP time was captured when', async () => {
    send(frame(1, 90, 1_000));
    send(frame(1, 180, 1_001));
    await clock.advance(1_000);
    send(frame(2, 90_090, 2_000));
    expect(reports).toMatchObject([
      { ntp: ntpTime(utcMs(1_000)), rtp: 90, packets: 1, octets: 10 },
      { ntp: ntpTime(utcMs(2_000)), rtp: 90_090, packets: 3, octets: 30 },
    ]);
  });
});
