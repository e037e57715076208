import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock, type Clock } from '../../electron/base/clock.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import { PtsClock } from '../../electron/media/pts-clock.ts';
import { Receiver } from '../../electron/sources/p2p/receiver.ts';
import { SegmentCutter, type CutEvent } from '../../electron/segment/segment-cutter.ts';
import { ClockOffset } from '../../peer/session/clock-offset.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { parseFragment } from '../../electron/media/fmp4/fragment.ts';
import { parseInit } from '../../electron/media/fmp4/init.ts';
import { parsePrft } from '../../electron/media/fmp4/prft.ts';
import { fragmentsIn } from '../../electron/playback/segment-reader.ts';
import { AUDIO, UnitMaker, VIDEO, type MuxedUnit } from '../fixtures/muxed-units.ts';
import { RecordingWorld } from './recording-world.ts';

/*
 * A day of a camera whose crystal is off, through the real clocks and the real cutter, in simulated time. What is recorded is read as a
 * player would: by the times in the files, from the wall clock of a file's name on and from that of the keyframe before.
 */

const DAY_MS = 86_400_000;
const FRAME_MS = 1_000;
const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);
/** When the camera's own clock is set, and by how much, ms. */
const STEPS = [
  [3 * 3_600_000, 300],
  [5 * 3_600_000, -5_000],
  [7 * 3_600_000, 3_600_000],
  [9 * 3_600_000, 60],
] as const;

/** What was recorded of one camera, against the truth: when each frame was captured by this machine's clock. */
class Record {
  readonly #cutter: SegmentCutter;
  readonly #maker = new UnitMaker();
  readonly #init = parseInit(this.#maker.init)!;
  #start = 0;
  #key = { at: 0, time: 0 };
  #lastAt = -Infinity;
  segments = 0;
  frames = 0;
  /** Greatest difference, ms, of a frame's time from the truth: counted from the file's start, and from the keyframe. */
  byFile = 0;
  byKeyframe = 0;
  causes: string[] = [];
  backwards = 0;

  constructor(segmentMs: number) {
    this.#cutter = new SegmentCutter(0, () => segmentMs);
  }

  take(unit: { pts: number; utc: number; index: number; truth: number }): void {
    const { index, utc, truth } = unit;
    const muxed = this.#maker.unit({ at: utc, dts: unit.pts / 90, key: index % 2 === 0, duration: FRAME_MS });
    for (const event of this.#cutter.take(muxed)) this.#event(event, truth);
  }

  #event(event: CutEvent, truth: number): void {
    if (event.kind === 'begin') {
      this.segments += 1;
      this.#start = event.start;
      if (event.cause) this.causes.push(event.cause.text);
    }
    if (event.kind !== 'data') return;
    const bytes = new Uint8Array(Buffer.concat(event.parts));
    const [sample] = parseFragment(bytes, this.#init) ?? [];
    if (!sample) throw new Error('no frame');
    if (event.keyframe !== null) {
      this.#key = { at: parsePrft(bytes)?.utc ?? NaN, time: sample.pts / 90 };
      if (this.#key.at <= this.#lastAt) this.backwards += 1;
    }
    const at = this.#key.at + sample.pts / 90 - this.#key.time;
    if (at <= this.#lastAt) this.backwards += 1;
    this.#lastAt = at;
    this.frames += 1;
    this.byKeyframe = Math.max(this.byKeyframe, Math.abs(at - truth));
    this.byFile = Math.max(this.byFile, Math.abs(this.#start + sample.pts / 90 - truth));
  }
}

/** A way through a network: at least 5 ms, rarely much more, 3 s once an hour; nothing overtakes. */
function network(seed: number, leastMs: number, jitterMs: number) {
  const random = seededRandom(seed);
  let last = 0;
  return (sent: number) => {
    const stall = sent % 3_600_000 < 3_000 && sent > 3_600_000 ? 3_000 - (sent % 3_600_000) : 0;
    last = Math.max(last, sent + stall + leastMs + random() ** 4 * jitterMs);
    return last;
  };
}

const media = (ms: number, ppm: number) => pts90k(Math.round(ms * 90 * (1 + ppm / 1e6)));

async function rtsp(ppm: number, segmentMs: number): Promise<Record> {
  const clock = new SimulatedClock(T0);
  const times = new PtsClock(clock);
  const record = new Record(segmentMs);
  const arrives = network(8, 5, 120);
  for (let index = 0; index * FRAME_MS < DAY_MS; index += 1) {
    // ffmpeg lets a frame go when the next one is there.
    const next = (index + 1) * FRAME_MS;
    await clock.advance(arrives(next) - clock.monotonic());
    const pts = media(index * FRAME_MS, ppm);
    record.take({ pts, utc: times.map(pts, media(next, ppm)), index, truth: T0 + index * FRAME_MS });
  }
  return record;
}

/** The camera peer's machine, whose clock is off too and is set now and then; its media clock is another one again. */
async function p2p(ppm: number, segmentMs: number, steps: boolean): Promise<Record> {
  const clock = new SimulatedClock(T0);
  const record = new Record(segmentMs);
  const offset = new ClockOffset();
  const wallPpm = -ppm / 5;
  const step = () => (steps ? STEPS.reduce((sum, [at, by]) => sum + (clock.monotonic() >= at ? by : 0), 0) : 0);
  const theirs: Clock = {
    ...clock,
    monotonic: () => clock.monotonic() * (1 + wallPpm / 1e6),
    now: () => (T0 + 77_000 + clock.monotonic() * (1 + wallPpm / 1e6) + step()) as ReturnType<Clock['now']>,
    setTimeout: (run, ms) => clock.setTimeout(run, ms),
  };
  const cameraTimes = new PtsClock(theirs);
  const toPeer = network(3, 2, 30);
  const toApp = network(4, 25, 150);
  const random = seededRandom(5);
  let index = 0;
  const receiver = new Receiver({
    clock,
    nextTimeline: () => 1,
    clockOffsetMs: () => offset.offsetMs,
    unit: ({ pts, utc }) => {
      record.take({ pts, utc, index, truth: T0 + index * FRAME_MS });
      index += 1;
    },
    requestKeyframe: () => {},
    repairMs: () => 100,
    forget: () => {},
  });
  const info = { kind: 'audio', codec: 'pcm_mulaw', codecString: 'ulaw', description: '', width: 0, height: 0 } as const;
  receiver.onControl({
    type: 'streams',
    streams: [{ ssrc: 1, ...info, sampleRate: 8_000, channels: 1, clockRate: 8_000, payloadType: 0, timeline: 1 }],
  });
  let told: { pts: number; utc: number; at: number } | null = null;
  for (let sent = 0; sent * FRAME_MS < DAY_MS; sent += 1) {
    // A ping a second, there and back by ways that differ.
    const out = 25 + random() ** 4 * 150;
    const back = 25 + random() ** 4 * 150;
    const pinged = clock.now();
    offset.add(pinged, theirs.now() + out, pinged + out + back);
    await clock.advance(toPeer(sent * FRAME_MS) - clock.monotonic());
    const pts = media(sent * FRAME_MS, ppm);
    const utc = cameraTimes.map(pts);
    const error = told ? Math.abs(utc - (told.utc + (pts - told.pts) / 90)) : Infinity;
    const rtp = Math.round(pts * (8 / 90)) % 2 ** 32;
    if (!told || error > 4 || clock.monotonic() - told.at >= 5_000) {
      told = { pts, utc, at: clock.monotonic() };
      receiver.onControl({ type: 'clock', ssrc: 1, rtp, pts, utc });
    }
    await clock.advance(Math.max(0, toApp(clock.monotonic()) - clock.monotonic()));
    receiver.push({
      ssrc: 1,
      sequenceNumber: sent & 0xffff,
      timestamp: rtp,
      marker: false,
      payloadType: 0,
      payload: Buffer.from([1]),
      composition: 0,
    });
  }
  return record;
}

describe('24 hours of a camera whose crystal is off', () => {
  it.each([0, 50, -50, 500, -500])(
    'by %i ppm, over RTSP: wall clock and media time agree within 100 ms',
    async (ppm) => {
      const record = await rtsp(ppm, 600_000);
      expect(record.frames).toBe(DAY_MS / FRAME_MS);
      expect(record.byKeyframe).toBeLessThan(100);
      expect(record.byFile).toBeLessThan(100);
      expect(record.backwards).toBe(0);
      expect(record.causes).toEqual([]);
    },
    120_000,
  );

  it.each([0, 50, -50, 500, -500])(
    'by %i ppm, peer to peer, with clocks that are set: the same',
    async (ppm) => {
      const record = await p2p(ppm, 600_000, true);
      expect(record.frames).toBe(DAY_MS / FRAME_MS);
      expect(record.byKeyframe).toBeLessThan(100);
      expect(record.byFile).toBeLessThan(100);
      expect(record.backwards).toBe(0);
      expect(record.causes).toEqual([]);
    },
    120_000,
  );
});

describe('picture and sound', () => {
  let world: RecordingWorld;
  afterEach(() => world.close());

  it.each([500, -500])(
    'of a clip over several files stay together within 40 ms, with a crystal that is off by %i ppm',
    async (ppm) => {
      world = await RecordingWorld.open('fragments', T0);
      const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
      const units: MuxedUnit[] = [];
      for (let ms = 0; ms < 400_000; ms += 100) {
        const dts = ms * (1 + ppm / 1e6);
        units.push(maker.unit({ at: T0 + ms, dts, key: ms % 1_000 === 0, duration: 100 }));
        // The sound of a fifth of a second ago.
        for (const late of [200, 150]) {
          if (ms >= late) units.push(maker.unit({ kind: 'audio', at: T0 + ms - late, dts: (ms - late) * (1 + ppm / 1e6), duration: 50 }));
        }
      }
      await world.play(units.map((unit, i) => ({ ...unit, receivedAt: units[i - (i % 3)]?.receivedAt ?? unit.receivedAt })));
      await world.recorder.close();
      expect((await world.rows()).length).toBeGreaterThan(4);
      const pieces: Uint8Array[] = [];
      for await (const piece of world.playback.clip({ camera: world.camera.id, from: utcMs(T0 + 5_000), to: utcMs(T0 + 395_000) }))
        pieces.push(piece);
      const [header, ...groups] = pieces;
      const init = parseInit(header!)!;
      /** How far each frame was moved from where it was captured, ms. */
      const shifts = { video: [] as number[], audio: [] as number[] };
      let apart = 0;
      for (const fragment of groups.flatMap((group) => [...fragmentsIn(group)])) {
        const sample = parseFragment(fragment, init)![0]!;
        const captured = new DataView(fragment.buffer, fragment.byteOffset + sample.offset).getFloat32(8);
        const kind = sample.track.config!.kind;
        shifts[kind].push((sample.dts / sample.track.timescale) * 1000 - captured);
        const other = shifts[kind === 'video' ? 'audio' : 'video'].at(-1);
        if (other !== undefined) apart = Math.max(apart, Math.abs(other - shifts[kind].at(-1)!));
      }
      expect(apart).toBeLessThan(41);
      // All of it is there, and the clip's length is that of the wall clock.
      expect(shifts.video.length).toBe(3_900);
      expect(shifts.audio.length).toBeGreaterThan(7_750);
    },
    60_000,
  );
});
