import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClockMapping, StreamInfo } from '../../../peer/session/control-messages.ts';
import type { InboundPacket } from '../../../peer/session/transport.ts';
import { SimulatedClock } from '../../base/clock.ts';
import type { AccessUnit } from '../../media/access-unit.ts';
import { seededRandom } from '../../../test/fakes/seeded-random.ts';
import { Receiver } from './receiver.ts';
import { StreamClock } from './stream-clock.ts';

let clock: SimulatedClock;
let units: AccessUnit[];
let offsetMs: number;
let receiver: Receiver;
const requestKeyframe = vi.fn();
const forget = vi.fn();
beforeEach(() => {
  clock = new SimulatedClock(5_000_000);
  [units, offsetMs] = [[], 0];
  requestKeyframe.mockClear();
  forget.mockClear();
  let timeline = 100;
  receiver = new Receiver({
    clock,
    nextTimeline: () => (timeline += 1),
    clockOffsetMs: () => offsetMs,
    unit: (unit) => units.push(unit),
    requestKeyframe,
    repairMs: () => 200,
    forget,
  });
});

/** As the source does: looks each 50 ms. */
const wait = async (ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50);
    receiver.poll();
  }
};
const stream = (ssrc: number, change: Partial<StreamInfo> = {}): StreamInfo => ({
  ssrc,
  kind: 'audio',
  codec: 'pcm_mulaw',
  codecString: 'ulaw',
  description: '',
  width: 0,
  height: 0,
  sampleRate: 8000,
  channels: 1,
  clockRate: 8000,
  payloadType: 0,
  timeline: 1,
  ...change,
});
const streams = (...list: StreamInfo[]) => receiver.onControl({ type: 'streams', streams: list });
const mapping = (ssrc: number, change: Partial<ClockMapping> = {}) =>
  receiver.onControl({ type: 'clock', ssrc, rtp: 1000, pts: 90_000, utc: 5_000_000, ...change });
const packet = (ssrc: number, sequenceNumber: number, timestamp: number, change: Partial<InboundPacket> = {}): InboundPacket => ({
  ssrc,
  sequenceNumber,
  timestamp,
  marker: false,
  payloadType: 0,
  payload: Buffer.from([sequenceNumber & 255]),
  composition: 0,
  ...change,
});

describe('the units of a session', () => {
  it('have the media time and the capture time of the camera, by our clock', () => {
    streams(stream(1));
    offsetMs = 3_000;
    mapping(1);
    receiver.push(packet(1, 5, 1000));
    receiver.push(packet(1, 6, 1160));
    expect(units.map(({ pts, dts, utc, timeline }) => ({ pts, dts, utc, timeline }))).toEqual([
      { pts: 90_000, dts: 90_000, utc: 4_997_000, timeline: 101 },
      { pts: 91_800, dts: 91_800, utc: 4_997_020, timeline: 101 },
    ]);
    expect(units[0]?.config).toMatchObject({ kind: 'audio', codec: 'pcm_mulaw', sampleRate: 8000 });
    expect(units[0]?.config).toBe(units[1]?.config);
  });

  it('are taken for captured when they arrive where the camera tells of another day', () => {
    for (const utc of [-1e15, 1e15, 5_000_000 - 3600_000, 5_000_000 + 3600_000]) {
      units.length = 0;
      streams();
      streams(stream(1));
      mapping(1, { utc });
      receiver.push(packet(1, 5, 1000));
      expect(units.map(({ utc: at }) => at)).toEqual([5_000_000]);
    }
  });

  it('wait for what the camera says of their stream, and keep a bounded number meanwhile', () => {
    for (let sequence = 0; sequence < 3000; sequence += 1) receiver.push(packet(1, sequence, sequence * 160));
    expect(units).toEqual([]);
    expect(receiver.counters.early).toBe(3000 - 2048);
    streams(stream(1));
    expect(units).toEqual([]);
    mapping(1, { rtp: 0, pts: 0 });
    expect(units).toHaveLength(2048);
    expect(units.at(-1)?.pts).toBe(2999 * 1800);
  });

  it('go on when RTP time wraps', () => {
    streams(stream(1));
    mapping(1, { rtp: 2 ** 32 - 160 });
    receiver.push(packet(1, 1, 2 ** 32 - 160));
    receiver.push(packet(1, 2, 0));
    expect(units.map(({ pts }) => pts)).toEqual([90_000, 91_800]);
  });

  it('come in order, and a lost one is a hole, not a shift', async () => {
    streams(stream(1));
    mapping(1);
    for (const sequence of [1, 3, 2, 4, 6, 7]) receiver.push(packet(1, sequence, 1000 + sequence * 160));
    await wait(1000);
    expect(units.map(({ pts }) => (pts - 90_000) / 1800)).toEqual([1, 2, 3, 4, 6, 7]);
  });

  it('of another timeline of the camera are of a new one here; what comes late of the old one is dropped', () => {
    streams(stream(1), stream(2, { timeline: 2 }));
    mapping(1);
    mapping(2, { pts: 0 });
    receiver.push(packet(1, 1, 1000));
    receiver.push(packet(2, 1, 1000));
    receiver.push(packet(1, 2, 1160));
    receiver.push(packet(2, 2, 1160));
    expect(units.map(({ timeline, pts }) => [timeline, pts])).toEqual([
      [101, 90_000],
      [102, 0],
      [102, 1800],
    ]);
  });

  it('of streams that ended are forgotten', () => {
    streams(stream(1));
    mapping(1);
    streams(stream(2));
    expect(forget).toHaveBeenCalledWith(1);
    receiver.push(packet(1, 1, 1000));
    expect(units).toEqual([]);
  });

  it('of a stream that follows on another wait for the rest of that one, and no longer than it can come', async () => {
    streams(stream(1, { first: 10 }));
    mapping(1);
    for (const sequence of [10, 11, 13]) receiver.push(packet(1, sequence, 1000 + sequence * 160));
    // The second one is on its way already when its description comes; of the first the last packet is still missing, and one before it.
    receiver.push(packet(2, 40, 1000 + 15 * 160));
    streams(stream(1, { first: 10, last: 14 }), stream(2, { first: 40 }));
    mapping(2);
    receiver.push(packet(2, 41, 1000 + 16 * 160));
    expect(units).toHaveLength(2);
    receiver.push(packet(1, 12, 1000 + 12 * 160));
    expect(units).toHaveLength(4);
    expect(forget).not.toHaveBeenCalled();
    receiver.push(packet(1, 14, 1000 + 14 * 160));
    expect(units.map(({ pts }) => (pts - 90_000) / 1800)).toEqual([10, 11, 12, 13, 14, 15, 16]);
    expect(forget.mock.calls).toEqual([[1]]);
    // Another one, of which the end never comes.
    streams(stream(2, { first: 40, last: 45 }), stream(3, { first: 7 }));
    mapping(3);
    receiver.push(packet(3, 7, 1000 + 22 * 160));
    expect(units).toHaveLength(7);
    await wait(500);
    expect((units[7]?.pts ?? 0) - 90_000).toBe(22 * 1800);
    expect(forget.mock.calls).toEqual([[1], [2]]);
    expect(receiver.counters.early).toBe(0);
  });

  it('are of a bounded number of streams, however many the camera begins and ends', () => {
    let before: StreamInfo[] = [];
    for (let ssrc = 1; ssrc < 500; ssrc += 1) {
      const begun = stream(ssrc, { first: 1 });
      streams(...before, begun);
      mapping(ssrc);
      before = [{ ...begun, last: 9 }];
    }
    expect(forget.mock.calls.length).toBeGreaterThan(480);
    receiver.push(packet(499, 1, 1000));
    expect(units).toEqual([]);
  });

  it('after an outage are those of the streams that the camera begins anew with', () => {
    streams(stream(1, { first: 1 }));
    mapping(1);
    receiver.push(packet(1, 1, 1000));
    receiver.outage();
    receiver.push(packet(1, 90, 1000 + 90 * 160));
    streams(stream(2, { first: 5, timeline: 2 }));
    mapping(2, { pts: 0 });
    receiver.push(packet(1, 91, 1000 + 91 * 160));
    receiver.push(packet(2, 5, 1000));
    expect(units.map(({ timeline, pts }) => [timeline, pts])).toEqual([
      [101, 90_000],
      [102, 0],
    ]);
  });

  it('go on at the next keyframe where a camera does not begin anew after an outage', async () => {
    const nal = (type: number) => Buffer.from([type, 0x80, 1]);
    const sps = Buffer.from('6742c016da0280bfe5c0440000030004000003007a3c58ba80', 'hex');
    const pps = Buffer.from('68ce0fc8', 'hex');
    let sequence = 0;
    const frame = (key: boolean) => {
      const timestamp = 1000 + sequence * 3600;
      const payloads = key ? [sps, pps, nal(0x65)] : [nal(0x41)];
      payloads.forEach((payload, index) =>
        receiver.push(packet(1, (sequence += 1), timestamp, { payload, marker: index === payloads.length - 1 })),
      );
    };
    streams(stream(1, { kind: 'video', codec: 'h264', clockRate: 90_000, payloadType: 96 }));
    mapping(1);
    frame(true);
    frame(false);
    expect(units).toHaveLength(2);
    receiver.outage();
    await wait(60_000);
    for (let count = 0; count < 50; count += 1) {
      frame(false);
      await wait(50);
    }
    expect(units).toHaveLength(2);
    await wait(1_000);
    frame(false);
    await wait(500);
    frame(true);
    frame(false);
    await wait(500);
    expect(units.slice(2).map(({ key }) => key)).toEqual([true, false]);
  });

  it('are counted where they did not make it, and so is how long the others wait for them', async () => {
    streams(stream(1, { first: 1 }));
    mapping(1);
    expect(receiver.reception).toEqual({ delayMs: 0, lostPackets: 0, latePackets: 0, damagedFrames: 0 });
    receiver.push(packet(1, 2, 1160));
    await wait(100);
    expect(receiver.reception.delayMs).toBe(100);
    await wait(300);
    expect(units).toHaveLength(1);
    receiver.push(packet(1, 1, 1000));
    expect(receiver.reception).toMatchObject({ lostPackets: 1, latePackets: 1, damagedFrames: 1 });
    streams();
    expect(receiver.reception).toMatchObject({ delayMs: 0, lostPackets: 1, latePackets: 1, damagedFrames: 1 });
  });

  it('are none for a codec that is not understood', () => {
    streams(stream(1, { kind: 'video', codec: 'h265' }), stream(2, { codec: 'aac' }));
    mapping(1);
    receiver.push(packet(1, 1, 1000));
    expect(units).toEqual([]);
    expect(receiver.counters.unknownCodec).toBe(2);
  });

  it('never have a negative time, nor one decoded after it is shown, whatever comes', () => {
    const random = seededRandom(11);
    streams(stream(1), stream(2, { kind: 'video', codec: 'h264', clockRate: 90_000 }));
    const whole = (limit: number) => Math.floor(random() * limit);
    for (let round = 0; round < 10_000; round += 1) {
      if (random() < 0.01) mapping(1 + whole(2), { rtp: whole(2 ** 32), pts: whole(1e6) - 1e5, utc: whole(1e9) });
      const payload = Buffer.from(Array.from({ length: whole(12) }, () => whole(256)));
      receiver.push(
        packet(1 + whole(3), whole(65_536), whole(2 ** 32), { payload, marker: random() < 0.5, composition: whole(20_000) - 10_000 }),
      );
      if (random() < 0.01) receiver.poll();
    }
    for (const { pts, dts } of units) expect(dts >= 0 && dts <= pts && Number.isInteger(pts)).toBe(true);
  });
});

describe('a damaged stream', () => {
  it('has a keyframe asked for, at most twice a second', async () => {
    streams(stream(1, { kind: 'video', codec: 'h264', clockRate: 90_000, payloadType: 96 }));
    mapping(1);
    let sequence = 0;
    for (let round = 0; round < 20; round += 1) {
      for (let part = 0; part < 3; part += 1) {
        receiver.push(
          packet(1, (sequence += part === 1 ? 2 : 1), 1000 + round * 3600, {
            payload: Buffer.from([0x41, 0x80, part]),
            marker: part === 2,
          }),
        );
      }
      await wait(300);
    }
    expect(requestKeyframe.mock.calls.length).toBeGreaterThan(2);
    expect(requestKeyframe.mock.calls.length).toBeLessThanOrEqual(13);
    expect(requestKeyframe).toHaveBeenCalledWith(1);
  });
});

describe('StreamClock', () => {
  it('keeps frames as far apart as they were captured while the reports waver', () => {
    const streamClock = new StreamClock();
    const random = seededRandom(5);
    let last = streamClock.utcOf(0, 1_000, true);
    for (let frame = 1; frame < 500; frame += 1) {
      const utc = streamClock.utcOf(frame * 3600, 1_000 + frame * 40 + (random() - 0.5) * 20, true);
      expect(Math.abs(utc - last - 40)).toBeLessThanOrEqual(0.81);
      last = utc;
    }
    expect(Math.abs(last - (1_000 + 499 * 40))).toBeLessThan(10);
  });

  it('follows a drift, and jumps when a clock was set, once both clocks have agreed on it for 3 s', () => {
    const streamClock = new StreamClock();
    streamClock.utcOf(0, 0, true);
    for (let second = 1; second <= 60; second += 1) streamClock.utcOf(second * 90_000, second * 1000 + second, true);
    expect(streamClock.utcOf(61 * 90_000, 61_061, true)).toBe(61_061);
    expect(streamClock.utcOf(62 * 90_000, 3_662_000, true)).toBe(62_061);
    expect(streamClock.utcOf(64 * 90_000, 3_664_000, true)).toBe(64_061);
    expect(streamClock.utcOf(65 * 90_000, 3_665_000, true)).toBe(3_665_000);
    // The camera's clock was set: for a moment its reports say so and the measured difference does not.
    expect(streamClock.utcOf(66 * 90_000, 3_671_000, true)).toBe(3_666_000);
    expect(streamClock.utcOf(67 * 90_000, 3_667_000, true)).toBe(3_667_000);
    expect(streamClock.utcOf(70 * 90_000, 3_675_000, true)).toBe(3_670_000);
  });

  it('follows the pictures where sound says something else, also when a clock is set', () => {
    const streamClock = new StreamClock();
    // Sound is told to be 800 ms ahead, all the time.
    expect(streamClock.utcOf(0, 1_800, false)).toBe(1_800);
    for (let second = 0; second < 20; second += 1) {
      const set = second >= 10 ? 3_600_000 : 0;
      const utc = 1_000 + second * 1_000 + set;
      const picture = streamClock.utcOf(second * 90_000, utc, true);
      const sound = streamClock.utcOf(second * 90_000, utc + 800, false);
      expect(sound).toBe(picture);
      if (second < 10 || second > 13) expect(picture).toBe(utc);
    }
  });
});
