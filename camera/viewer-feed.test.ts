import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { pts90k, utcMs } from '../electron/base/units.ts';
import type { AccessUnit, AudioConfig } from '../electron/media/access-unit.ts';
import type { CameraControl } from '../peer/session/control-messages.ts';
import { RtpStream } from '../peer/session/rtp-stream.ts';
import type { OutboundPacket } from '../peer/session/transport.ts';
import { ViewerFeed, type FeedSession } from './viewer-feed.ts';

const pcm: AudioConfig = {
  kind: 'audio',
  codec: 'pcm_mulaw',
  codecString: 'ulaw',
  description: new Uint8Array(),
  sampleRate: 8000,
  channels: 1,
};
const opus: AudioConfig = {
  kind: 'audio',
  codec: 'opus',
  codecString: 'opus',
  description: new Uint8Array(),
  sampleRate: 48_000,
  channels: 2,
};

let clock: SimulatedClock;
let packets: OutboundPacket[];
let said: CameraControl[];
let ended: number[];
let session: FeedSession;
let feed: ViewerFeed;
beforeEach(() => {
  clock = new SimulatedClock();
  [packets, said, ended] = [[], [], []];
  let ssrc = 0;
  const wire = {
    seal: (packet: OutboundPacket) => {
      packets.push(packet);
      return Buffer.alloc(0);
    },
    sendSealed: () => {},
    sendSenderReport: () => {},
  };
  session = {
    createStream: (payloadType) => new RtpStream({ ssrc: (ssrc += 1), payloadType, wire, clock }),
    endStream: (stream) => void ended.push(stream.ssrc),
    send: (message) => void said.push(message),
  };
  feed = new ViewerFeed(session, clock);
});

const unit = (ms: number, config: AudioConfig = pcm, change: Partial<AccessUnit> = {}): AccessUnit => ({
  config,
  timeline: 1,
  pts: pts90k(ms * 90),
  dts: pts90k(ms * 90),
  utc: utcMs(1_000_000 + ms),
  receivedAt: utcMs(0),
  key: true,
  data: new Uint8Array(160),
  ...change,
});
const clocks = () => said.filter((message) => message.type === 'clock');

describe('a feed', () => {
  it('that begins anew goes on, on streams of another timeline', () => {
    feed.push(unit(0));
    feed.restart();
    feed.push(unit(40));
    const told = said.flatMap((message) => (message.type === 'streams' ? message.streams : []));
    expect(told).toHaveLength(2);
    expect(told[0]?.timeline).not.toBe(told[1]?.timeline);
    expect(told[0]?.ssrc).not.toBe(told[1]?.ssrc);
  });

  it('tells of a stream and of its clock before the first packet', () => {
    feed.push(unit(0));
    expect(said.map(({ type }) => type)).toEqual(['streams', 'clock']);
    expect(said[0]).toMatchObject({
      streams: [{ ssrc: 1, kind: 'audio', codec: 'pcm_mulaw', clockRate: 8000, payloadType: 0, timeline: 1024 }],
    });
    expect(clocks()[0]).toMatchObject({ ssrc: 1, rtp: packets[0]?.timestamp, pts: 0, utc: 1_000_000 });
  });

  it('counts RTP time in the clock of the codec', () => {
    feed.push(unit(0));
    feed.push(unit(20));
    feed.push(unit(1000));
    const base = packets[0]?.timestamp ?? 0;
    expect(packets.map(({ timestamp }) => (timestamp - base) >>> 0)).toEqual([0, 160, 8000]);
  });

  it('begins a stream of its own for another configuration, and for another timeline', () => {
    feed.push(unit(0));
    feed.push(unit(20, opus));
    feed.push(unit(0, opus, { timeline: 2 }));
    expect(packets.map(({ ssrc, payloadType }) => [ssrc, payloadType])).toEqual([
      [1, 0],
      [2, 111],
      [3, 111],
    ]);
    expect(ended).toEqual([1, 2]);
    expect(said.filter(({ type }) => type === 'streams')).toHaveLength(3);
  });

  it('says with which packet each stream begins, and with which the one ended that it follows', () => {
    feed.push(unit(0));
    feed.push(unit(20));
    feed.push(unit(40, opus));
    const told = said.flatMap((message) => (message.type === 'streams' ? [message.streams] : []));
    const numbers = packets.map(({ sequenceNumber }) => sequenceNumber);
    expect(told.map((list) => list.map(({ ssrc, first, last }) => ({ ssrc, first, last })))).toEqual([
      [{ ssrc: 1, first: numbers[0], last: undefined }],
      [
        { ssrc: 1, first: numbers[0], last: numbers[1] },
        { ssrc: 2, first: numbers[2], last: undefined },
      ],
    ]);
  });

  it('leaves nothing out because the program was busy with something else', async () => {
    let busyMs = 0;
    const stalling = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() + busyMs,
      setTimeout: (run: () => void, ms: number) => clock.setTimeout(run, ms),
    };
    const busy = new ViewerFeed(session, stalling);
    for (let ms = 0; ms < 5_000; ms += 100) {
      busy.push(unit(ms));
      await clock.advance(100);
    }
    for (let ms = 5_000; ms < 6_000; ms += 20) busy.push(unit(ms, pcm, { data: new Uint8Array(10_000) }));
    expect(busy.counters.queued).toBeGreaterThan(30);
    busyMs = 10_000;
    await clock.advance(1_000);
    expect(busy.counters).toEqual({ dropped: 0, overflows: 0, unsendable: 0, queued: 0 });
  });

  it('says the clock anew every five seconds, and soon when it went wrong', async () => {
    for (let ms = 0; ms <= 12_000; ms += 20) {
      feed.push(unit(ms));
      await clock.advance(20);
    }
    expect(clocks()).toHaveLength(3);
    feed.push(unit(12_020, pcm, { utc: utcMs(1_000_000 + 12_020 + 30) }));
    expect(clocks()).toHaveLength(4);
    expect(clocks().at(-1)).toMatchObject({ utc: 1_012_050 });
  });

  it('paces what comes at once', async () => {
    for (let ms = 0; ms < 10_000; ms += 20) feed.push(unit(ms, pcm, { data: new Uint8Array(1000) }));
    expect(packets.length).toBeLessThan(100);
    await clock.advance(40);
    expect(packets.length).toBeGreaterThan(150);
    expect(packets.length).toBeLessThan(400);
    await clock.advance(1_000);
    expect(packets).toHaveLength(500);
    expect(feed.counters).toEqual({ dropped: 0, overflows: 0, unsendable: 0, queued: 0 });
  });

  it('leaves out, and counts, what has no RTP format', () => {
    feed.push(unit(0, { ...opus, codec: 'aac', codecString: 'mp4a.40.2' }));
    expect(packets).toEqual([]);
    expect(feed.counters.unsendable).toBe(1);
  });

  it('is silent after close', async () => {
    for (let ms = 0; ms < 10_000; ms += 20) feed.push(unit(ms, pcm, { data: new Uint8Array(1000) }));
    feed.close();
    const count = packets.length;
    feed.push(unit(10_000));
    await clock.advance(1000);
    expect(packets).toHaveLength(count);
  });
});
