import { describe, expect, it } from 'vitest';
import { parseFragment } from '../media/fmp4/fragment.ts';
import { parseInit } from '../media/fmp4/init.ts';
import { parsePrft } from '../media/fmp4/prft.ts';
import { AUDIO, UnitMaker, VIDEO, type MuxedUnit } from '../../test/fixtures/muxed-units.ts';
import { SegmentCutter, type CutEvent } from './segment-cutter.ts';

/** 7 s behind a full minute. */
const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);

function feed(cutter: SegmentCutter, units: Iterable<MuxedUnit>): CutEvent[] {
  return [...units].flatMap((unit) => cutter.take(unit));
}

const starts = (events: readonly CutEvent[]) => events.flatMap((event) => (event.kind === 'begin' ? [event.start - T0] : []));
const ends = (events: readonly CutEvent[]) => events.flatMap((event) => (event.kind === 'end' ? [event.end - T0] : []));
const causes = (events: readonly CutEvent[]) => events.flatMap((event) => (event.kind === 'begin' ? [event.cause] : []));

function timesInFile(maker: UnitMaker, events: readonly CutEvent[]) {
  const init = parseInit(maker.init);
  if (!init) throw new Error('no header');
  return events.flatMap((event) => {
    if (event.kind !== 'data') return [];
    const bytes = new Uint8Array(Buffer.concat(event.parts));
    const sample = parseFragment(bytes, init)?.[0];
    return sample ? [{ track: sample.track.id, time: sample.dts, utc: parsePrft(bytes)?.utc ?? null }] : [];
  });
}

describe('the segment cutter', () => {
  it('cuts at the first keyframe behind the minute, without a hole', () => {
    const events = feed(new SegmentCutter(0), new UnitMaker().video({ at: T0, lengthMs: 130_000, gopMs: 3_000 }));
    expect(starts(events)).toEqual([0, 54_000, 114_000]);
    expect(ends(events)).toEqual([54_000, 114_000]);
  });

  it.each([10_000, 60_000, 600_000])('spreads the cameras evenly over a length of %i ms', (length) => {
    const step = length / 120;
    const firstCut = (key: number) => {
      const cutter = new SegmentCutter(key, () => length);
      const maker = new UnitMaker();
      const begins: number[] = [];
      for (let ms = 0; begins.length < 3; ms += step)
        begins.push(...starts(cutter.take(maker.unit({ at: T0 + ms, dts: ms, key: true, duration: step }))));
      expect((begins[2] ?? 0) - (begins[1] ?? 0)).toBe(length);
      return (begins[2] ?? 0) % length;
    };
    const cuts = Array.from({ length: 16 }, (_, key) => firstCut(key)).sort((a, b) => a - b);
    const apart = cuts.map((cut, i) => (cuts[i + 1] ?? (cuts[0] ?? 0) + length) - cut);
    // Sixteen at equal distances would be length / 16 apart.
    expect(Math.min(...apart)).toBeGreaterThan(length / 40);
    expect(Math.max(...apart)).toBeLessThan(length / 8);
  });

  it('takes another length at the next segment', () => {
    let length = 60_000;
    const cutter = new SegmentCutter(0, () => length);
    const maker = new UnitMaker();
    const events = feed(cutter, maker.video({ at: T0, lengthMs: 20_000 }));
    length = 10_000;
    events.push(...feed(cutter, maker.video({ at: T0 + 20_000, dts: 20_000, lengthMs: 70_000 })));
    length = 30_000;
    events.push(...feed(cutter, maker.video({ at: T0 + 90_000, dts: 90_000, lengthMs: 60_000 })));
    // T0 is 7 s behind the minute, a keyframe comes each 2 s.
    expect(starts(events)).toEqual([0, 54_000, 64_000, 74_000, 84_000, 94_000, 114_000, 144_000]);
    expect(ends(events)).toEqual(starts(events).slice(1));
  });

  it('begins each file at time 0 and says the wall clock before each keyframe', () => {
    const maker = new UnitMaker();
    const events = feed(new SegmentCutter(0), maker.video({ at: T0, dts: 987_654, lengthMs: 60_000 }));
    const times = timesInFile(maker, events);
    expect(times[0]).toEqual({ track: 1, time: 0, utc: T0 });
    expect(times[1]).toEqual({ track: 1, time: 3_600, utc: null });
    const second = times[54_000 / 40];
    expect(second).toEqual({ track: 1, time: 0, utc: T0 + 54_000 });
  });

  it('leaves the bytes that other readers share as they are', () => {
    const unit = new UnitMaker().unit({ at: T0, dts: 5_000, key: true });
    const before = unit.fragment.bytes.slice();
    expect(new SegmentCutter(0).take(unit)).toHaveLength(2);
    expect(unit.fragment.bytes).toEqual(before);
  });

  it('waits for a keyframe, at the beginning and after each break', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker();
    expect(cutter.take(maker.unit({ at: T0, dts: 0 }))).toEqual([]);
    expect(starts(cutter.take(maker.unit({ at: T0 + 40, dts: 40, key: true })))).toEqual([40]);
    expect(cutter.stop()).toEqual([{ kind: 'end', end: T0 + 80 }]);
    expect(cutter.stop()).toEqual([]);
    expect(cutter.take(maker.unit({ at: T0 + 80, dts: 80 }))).toEqual([]);
    expect(cutter.counters.waitedForKeyframe).toBe(2);
  });

  it('begins anew, saying why, on a new timeline, other tracks, a hole and a jump of the clock', () => {
    const cutter = new SegmentCutter(0);
    const first = new UnitMaker();
    feed(cutter, first.video({ at: T0, lengthMs: 2_000 }));

    const timeline = feed(cutter, new UnitMaker({ timeline: 2 }).video({ at: T0 + 5_000, lengthMs: 2_000 }));
    expect([ends(timeline), starts(timeline), causes(timeline)]).toMatchObject([[2_000], [5_000], [{ reason: 'session-lost' }]]);

    const other = new UnitMaker({ timeline: 2, configs: [VIDEO, AUDIO] });
    const tracks = feed(cutter, other.video({ at: T0 + 7_000, dts: 2_000, lengthMs: 2_000 }));
    expect([ends(tracks), starts(tracks), causes(tracks)]).toMatchObject([
      [7_000],
      [7_000],
      [{ text: expect.stringContaining('format') as unknown }],
    ]);

    const hole = feed(cutter, other.video({ at: T0 + 27_000, dts: 22_000, lengthMs: 2_000 }));
    expect([ends(hole), starts(hole), causes(hole)]).toMatchObject([[9_000], [27_000], [{ reason: 'source-stalled' }]]);

    const jump = feed(cutter, other.video({ at: T0 + 29_600, dts: 24_000, lengthMs: 2_000 }));
    expect([ends(jump), starts(jump), causes(jump)]).toMatchObject([
      [29_000],
      [29_600],
      [{ text: expect.stringContaining('forward by 0.6 s') as unknown }],
    ]);

    const small = feed(cutter, other.video({ at: T0 + 31_900, dts: 26_000, lengthMs: 2_000 }));
    expect(starts(small)).toEqual([]);

    const back = feed(cutter, other.video({ at: T0 + 20_000, dts: 28_000, lengthMs: 2_000 }));
    expect([starts(back), causes(back)]).toMatchObject([[20_000], [{ text: expect.stringContaining('back by') as unknown }]]);
  });

  it('keeps going when the same header comes as another object', () => {
    const cutter = new SegmentCutter(0);
    feed(cutter, new UnitMaker().video({ at: T0, lengthMs: 2_000 }));
    const events = feed(cutter, new UnitMaker().video({ at: T0 + 2_000, dts: 2_000, lengthMs: 2_000 }));
    expect(starts(events)).toEqual([]);
  });

  it('does not count the stall behind a frame as footage', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker();
    feed(cutter, maker.video({ at: T0, lengthMs: 2_000 }));
    cutter.take(maker.unit({ at: T0 + 2_000, dts: 2_000, duration: 9_000 }));
    expect(ends(cutter.stop())).toEqual([3_000]);
  });

  it('gives the last sound that comes late to the file before the cut', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const events: CutEvent[] = [];
    const push = (unit: MuxedUnit) => events.push(...cutter.take(unit));
    for (const video of maker.video({ at: T0, lengthMs: 60_000 })) {
      push(video);
      // Sound comes a fifth of a second behind the picture it belongs to.
      const ms = video.dts / 90 - 200;
      if (ms >= 0) for (const dts of [ms, ms + 20]) push(maker.unit({ kind: 'audio', at: T0 + dts, dts, duration: 20 }));
    }
    events.push(...cutter.stop());
    expect(cutter.counters.audioOutside).toBe(0);
    const cut = events.findIndex((event) => event.kind === 'end');
    const tracks = (list: readonly CutEvent[]) => timesInFile(maker, list).filter(({ track }) => track === 2).length;
    expect(tracks(events.slice(0, cut))).toBe(54_000 / 20);
    expect(events[cut]).toEqual({ kind: 'end', end: T0 + 54_000 });
    expect(timesInFile(maker, events.slice(cut)).filter(({ track }) => track === 2)[0]?.time).toBe(0);
    expect(starts(events)).toEqual([0, 54_000]);
  });

  it('does not wait for sound that does not come', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const events = feed(cutter, maker.video({ at: T0, lengthMs: 54_400 }));
    expect(ends(events)).toEqual([]);
    events.push(...feed(cutter, maker.video({ at: T0 + 54_400, dts: 54_400, lengthMs: 200 })));
    expect([starts(events), ends(events)]).toEqual([[0, 54_000], [54_000]]);
    expect(timesInFile(maker, events)).toHaveLength(54_600 / 40);
    expect(new SegmentCutter(0).settle()).toEqual([]);
  });

  it.each([500, -500])('ends a file early when a crystal that is off by %i ppm has moved media time from the wall clock', (ppm) => {
    const cutter = new SegmentCutter(0, () => 600_000);
    const maker = new UnitMaker();
    const events: CutEvent[] = [];
    for (let ms = 0; ms < 550_000; ms += 1_000)
      events.push(...cutter.take(maker.unit({ at: T0 + ms, dts: ms * (1 + ppm / 1e6), key: true, duration: 1_000 })));
    // 40 ms of drift at 500 ppm: 80 s.
    expect(starts(events)).toEqual([0, 81_000, 162_000, 243_000, 324_000, 405_000, 486_000]);
    expect(ends(events)).toEqual(starts(events).slice(1));
    for (const event of events) if (event.kind === 'begin') expect(event.cause).toBe(null);
  });

  it('tells a camera whose own times jump from one that sent nothing, and misses nothing of it', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker();
    feed(cutter, maker.video({ at: T0, lengthMs: 2_000 }));
    const forward = feed(cutter, maker.video({ at: T0 + 2_000, dts: 3_602_000, lengthMs: 2_000 }));
    expect([starts(forward), ends(forward), causes(forward)]).toMatchObject([[2_000], [2_000], [{ reason: 'clock-set' }]]);
    const back = feed(cutter, maker.video({ at: T0 + 4_000, dts: 1_000, lengthMs: 2_000 }));
    expect([starts(back), ends(back), causes(back)]).toMatchObject([[4_000], [4_000], [{ reason: 'clock-set' }]]);
  });

  it('moves a picture that has the time of the one before by a tick', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker();
    const events = [0, 40, 40, 40, 80].flatMap((dts, i) => cutter.take(maker.unit({ at: T0 + dts, dts, key: i === 0 })));
    expect(timesInFile(maker, events).map(({ time }) => time)).toEqual([0, 3_600, 3_601, 3_602, 7_200]);
    expect(cutter.counters.unreadable).toBe(0);
  });

  it('puts sound into the file its time falls into', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const sound = (dts: number) => maker.unit({ kind: 'audio', at: T0 + dts, dts, duration: 20 });
    expect(cutter.take(sound(980))).toEqual([]);
    cutter.take(maker.unit({ at: T0 + 1_000, dts: 1_000, key: true }));
    expect(cutter.take(sound(990))).toEqual([]);
    expect(timesInFile(maker, cutter.take(sound(1_020)))).toEqual([{ track: 2, time: 1_800, utc: null }]);
    expect(cutter.counters.audioOutside).toBe(2);
  });

  it('keeps keyframe times whole and going forward', () => {
    const cutter = new SegmentCutter(0);
    const maker = new UnitMaker();
    const keys = [0, 1_000, 1_000.2, 1_400].map((at, i) => maker.unit({ at: T0 + at + 0.4, dts: i * 500, key: true }));
    const events = feed(cutter, keys);
    const times = events.flatMap((event) => (event.kind === 'data' && event.keyframe !== null ? [event.keyframe - T0] : []));
    expect(times).toEqual([0, 1_000, 1_001, 1_400]);
  });

  it('counts what it cannot read', () => {
    const unit = new UnitMaker().unit({ at: T0, dts: 0, key: true });
    const cutter = new SegmentCutter(0);
    expect(cutter.take({ ...unit, fragment: { ...unit.fragment, bytes: unit.fragment.bytes.subarray(0, 30) } })).toEqual([]);
    expect(cutter.take({ ...unit, fragment: { ...unit.fragment, init: new Uint8Array(8) } })).toEqual([]);
    expect(cutter.counters.unreadable).toBe(2);
  });
});
