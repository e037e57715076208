import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { Emitter } from '../electron/base/emitter.ts';
import { silentLog } from '../electron/base/log.ts';
import { pts90k, utcMs } from '../electron/base/units.ts';
import type { AccessUnit, VideoConfig } from '../electron/media/access-unit.ts';
import { h264Config } from '../electron/media/h264/avcc.ts';
import { joinAvcc } from '../electron/media/h264/nal.ts';
import { Pacer } from '../peer/session/bandwidth-pacer.ts';
import type { CameraControl, StreamInfo } from '../peer/session/control-messages.ts';
import { RtpStream } from '../peer/session/rtp-stream.ts';
import type { OutboundPacket } from '../peer/session/transport.ts';
import type { CameraInput } from './input/input.ts';
import { RateMeter } from './rate-meter.ts';
import { SubStream } from './sub-stream.ts';
import { ViewerPicture } from './viewer-picture.ts';

const SPS = Buffer.from('6742c016da0280bfe5c0440000030004000003007a3c58ba80', 'hex');
const PPS = Buffer.from('68ce0fc8', 'hex');
const config = (): VideoConfig => {
  const made = h264Config([SPS], [PPS]);
  if (!made) throw new Error('no configuration');
  return made;
};
const [LARGE, SMALL] = [config(), config()];

/** 25 frames a second, a keyframe each second; `bytes` a frame. */
const frame = (number: number, of: VideoConfig, bytes: number): AccessUnit => {
  const key = number % 25 === 0;
  const nal = new Uint8Array(bytes).fill(1);
  nal.set([key ? 0x65 : 0x41, 0x80]);
  const pts = pts90k(number * 3600);
  const utc = utcMs(1_000_000 + number * 40);
  return { config: of, timeline: of === LARGE ? 1 : 5, pts, dts: pts, utc, receivedAt: utc, key, data: joinAvcc([nal]) };
};

let clock: SimulatedClock;
let bps: number;
let backedOffAt: number;
let probed: number[];
let said: CameraControl[];
let sent: { readonly ssrc: number; readonly at: number }[];
let opened: Emitter<AccessUnit>[];
let number: number;
let sub: SubStream | null;
let mainRate: RateMeter;
let picture: ViewerPicture;
const start = (withSub: boolean) => {
  let ssrc = 0;
  const wire = {
    seal: (packet: OutboundPacket) => {
      sent.push({ ssrc: packet.ssrc, at: clock.monotonic() });
      return Buffer.alloc(0);
    },
    sendSealed: () => {},
    sendSenderReport: () => {},
  };
  sub = withSub
    ? new SubStream({
        open: () => {
          const units = new Emitter<AccessUnit>();
          opened.push(units);
          return { units, status: new Emitter(), configs: [SMALL], start: () => {}, close: async () => {} } satisfies CameraInput;
        },
        clock,
        log: silentLog,
      })
    : null;
  mainRate = new RateMeter(clock);
  picture = new ViewerPicture({
    session: {
      createStream: (payloadType) => new RtpStream({ ssrc: (ssrc += 1), payloadType, wire, clock }),
      endStream: () => {},
      send: (message) => void said.push(message),
      bandwidth: {
        pacer: new Pacer(clock, () => bps),
        get estimateBps() {
          return bps;
        },
        get backedOffAt() {
          return backedOffAt;
        },
        probe: (wanted) => {
          probed.push(wanted);
          return true;
        },
      },
    },
    clock,
    sub,
    mainRate,
  });
};
beforeEach(() => {
  clock = new SimulatedClock();
  [bps, backedOffAt, number] = [20_000_000, -Infinity, 0];
  [probed, said, sent, opened] = [[], [], [], []];
});
afterEach(async () => {
  picture.close();
  await sub?.close();
});

/** Both sources give frames: about 2 Mbit/s and 200 kbit/s. */
async function live(seconds: number, each: () => void = () => {}): Promise<void> {
  for (const until = number + seconds * 25; number < until; number += 1) {
    const main = frame(number, LARGE, 10_000);
    mainRate.add(main.data.length);
    sub?.onMain(main);
    picture.push(main);
    opened[0]?.emit(frame(number, SMALL, 1_000));
    each();
    await clock.advance(40);
  }
}
const qualities = () => said.flatMap((message) => (message.type === 'quality' ? [message] : []));
const streams = () => said.flatMap((message) => (message.type === 'streams' ? [message.streams] : []));
const widths = (list: readonly StreamInfo[] | undefined) => list?.map(({ ssrc, last }) => [ssrc, last !== undefined]);

describe('what a viewer sees', () => {
  it('is the main picture, and nothing is said of it, while the way carries it', async () => {
    start(true);
    await live(20);
    expect(qualities()).toEqual([]);
    expect(opened).toHaveLength(0);
    expect(new Set(sent.map(({ ssrc }) => ssrc))).toEqual(new Set([1]));
    expect(picture.counters.dropped).toBe(0);
  });

  it('is the small picture when the way becomes too thin, within seconds, and the viewer is told; then the main one again', async () => {
    start(true);
    await live(10);
    [bps, backedOffAt] = [500_000, clock.monotonic()];
    const thinSince = clock.monotonic();
    await live(4);
    expect(picture.stream).toBe('sub');
    expect(qualities()).toEqual([{ type: 'quality', stream: 'sub', reason: 'uplink-thin', estimateKbps: 500 }]);
    // The old stream is said to end, and with which packet.
    expect(widths(streams().at(-1))).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(sent.find(({ ssrc }) => ssrc === 2)?.at).toBeLessThan(thinSince + 3_000);
    await live(3);
    expect(picture.counters.queued).toBeLessThan(5);
    // Not before it has been tried.
    bps = 500_000;
    await live(6);
    expect(probed.length).toBeGreaterThan(0);
    expect(picture.stream).toBe('sub');
    bps = 10_000_000;
    await live(10);
    expect(picture.stream).toBe('main');
    expect(qualities().at(-1)).toMatchObject({ stream: 'main', reason: null });
    const { dropped } = picture.counters;
    await live(10);
    expect(picture.counters.dropped).toBe(dropped);
    expect(new Set(sent.map(({ ssrc }) => ssrc))).toEqual(new Set([1, 2, 3]));
  });

  it('never goes back in time where it changes over', async () => {
    start(true);
    await live(5);
    [bps, backedOffAt] = [500_000, clock.monotonic()];
    await live(15);
    bps = 10_000_000;
    await live(15);
    const clocks = said.flatMap((message) => (message.type === 'clock' ? [message] : []));
    expect(clocks.map(({ ssrc }) => ssrc)).toEqual(clocks.map(({ ssrc }) => ssrc).toSorted((a, b) => a - b));
    const times = clocks.map(({ pts }) => pts);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(clocks.map(({ ssrc }) => ssrc)).size).toBe(3);
  });

  it('is whole beginnings of groups of pictures where there is no small one, never old, and the viewer is told', async () => {
    start(false);
    await live(6);
    [bps, backedOffAt] = [500_000, clock.monotonic()];
    let longest = 0;
    await live(20, () => {
      longest = Math.max(longest, picture.counters.queued);
    });
    // A second of pictures, and what comes while a keyframe is being sent.
    expect(longest).toBeLessThan(35);
    expect(picture.stream).toBe('main');
    expect(qualities()[0]).toMatchObject({ stream: 'main', reason: 'frames-left-out', estimateKbps: 500 });
    expect(qualities().length).toBeLessThan(5);
    const { length } = sent;
    await live(4);
    expect(sent.length).toBeGreaterThan(length + 100);
    bps = 10_000_000;
    await live(15);
    expect(qualities().at(-1)).toMatchObject({ stream: 'main', reason: null });
    expect(picture.counters.queued).toBeLessThan(3);
  });

  it('is the main picture again when the small one dies', async () => {
    start(true);
    await live(5);
    [bps, backedOffAt] = [500_000, clock.monotonic()];
    await live(5);
    expect(picture.stream).toBe('sub');
    opened.length = 0;
    await live(12);
    expect(picture.stream).toBe('main');
  });

  it('is what it was when the path comes back', async () => {
    start(true);
    await live(5);
    [bps, backedOffAt] = [500_000, clock.monotonic()];
    await live(5);
    const before = Math.max(...sent.map(({ ssrc }) => ssrc));
    picture.restart([frame(0, LARGE, 10_000)]);
    await live(1);
    expect(picture.stream).toBe('sub');
    expect(Math.max(...sent.map(({ ssrc }) => ssrc))).toBe(before + 1);
  });
});
