import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { AccessUnit, AudioConfig, TrackConfig } from '../media/access-unit.ts';
import { AUDIO, UnitMaker, VIDEO, type MuxedUnit } from '../../test/fixtures/muxed-units.ts';
import { RemuxFeed } from './remux-feed.ts';
import type { Cause } from './segment-cutter.ts';

/** Stands for ffmpeg at the far end: gives each unit back when the next one of its kind is there, and the last ones at the end. */
class FakeProcess {
  readonly configs: readonly TrackConfig[];
  readonly inside: MuxedUnit[] = [];
  closed = false;
  killed = false;
  full = false;
  /** Gives nothing back. */
  stuck = false;
  readonly #onFragment: (unit: MuxedUnit) => void;
  readonly fail: (error: Error) => void;

  constructor(options: { configs: readonly TrackConfig[]; onFragment: (unit: MuxedUnit) => void; onFailed: (error: Error) => void }) {
    this.configs = options.configs;
    this.#onFragment = options.onFragment;
    this.fail = options.onFailed;
  }

  write(unit: AccessUnit): boolean {
    if (this.full || !this.configs.includes(unit.config)) return false;
    const before = this.inside.findIndex(({ config }) => config.kind === unit.config.kind);
    this.inside.push(unit as MuxedUnit);
    if (before >= 0 && !this.stuck) for (const out of this.inside.splice(before, 1)) this.#onFragment(out);
    return true;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.closed = true;
    for (const unit of this.inside.splice(0)) this.#onFragment(unit);
  }

  kill(): void {
    this.killed = true;
  }
}

function setUp() {
  const clock = new SimulatedClock();
  const processes: FakeProcess[] = [];
  const out: AccessUnit[] = [];
  const lost: Cause[] = [];
  const made = { stuck: false };
  const feed = new RemuxFeed({
    create: (options) => {
      const process = new FakeProcess(options);
      process.stuck = made.stuck;
      processes.push(process);
      return process;
    },
    clock,
    log: silentLog,
    onFragment: (unit) => out.push(unit),
    onLost: (cause) => lost.push(cause),
  });
  return { clock, processes, out, lost, feed, made };
}

const T0 = Date.UTC(2026, 0, 1);

describe('the feed of ffmpeg', () => {
  it('begins at a keyframe and gives everything back by the end', async () => {
    const { feed, processes, out } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 4_000 })];
    for (const unit of units.slice(1)) feed.push(unit);
    await feed.close();
    expect(processes).toHaveLength(1);
    expect(out).toEqual(units.slice(50));
    expect(feed.counters.dropped).toBe(49);
  });

  it('takes sound along, and begins anew at a keyframe when sound begins later', async () => {
    const { feed, processes, out } = setUp();
    const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const key = (dts: number) => maker.unit({ at: T0 + dts, dts, key: true });
    const sound = (dts: number) => maker.unit({ kind: 'audio', at: T0 + dts, dts });
    const units = [key(0), sound(10), maker.unit({ at: T0 + 40, dts: 40 }), key(80), sound(90)];
    for (const unit of units) feed.push(unit);
    await feed.close();
    expect(processes.map((process) => process.configs)).toEqual([[VIDEO], [VIDEO, AUDIO]]);
    expect(out.map((unit) => unit.dts / 90)).toEqual([0, 40, 80, 90]);
  });

  it('lets the old process finish before the new one gives out anything', async () => {
    const { feed, processes, out } = setUp();
    for (const unit of new UnitMaker({ timeline: 1 }).video({ at: T0, lengthMs: 400 })) feed.push(unit);
    for (const unit of new UnitMaker({ timeline: 2 }).video({ at: T0 + 400, lengthMs: 400 })) feed.push(unit);
    await feed.close();
    expect(processes).toHaveLength(2);
    expect(out.map((unit) => unit.timeline)).toEqual([...Array<number>(10).fill(1), ...Array<number>(10).fill(2)]);
  });

  it('gives the next ffmpeg what a failed one had not given back: nothing is lost, nothing comes twice', async () => {
    const { clock, feed, processes, out, lost } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 20_000 })];
    for (const [i, unit] of units.entries()) {
      await clock.advance(40);
      if (i % 120 === 70) processes.at(-1)?.fail(new Error('ended: “Killed”'));
      feed.push(unit);
      feed.check();
    }
    await feed.close();
    expect(processes.length).toBeGreaterThan(3);
    expect(processes.slice(0, -1).every(({ killed }) => killed)).toBe(true);
    expect(out).toEqual(units);
    expect(lost).toEqual([]);
    expect(feed.failure).toBe(null);
  });

  it('keeps sound in its place when ffmpeg fails', async () => {
    const { clock, feed, processes, out } = setUp();
    const maker = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const sounds = Array.from({ length: 200 }, (_, i) => maker.unit({ kind: 'audio', at: T0, dts: i * 20 }));
    const units = [...maker.video({ at: T0, lengthMs: 4_000 }), ...sounds].sort(
      (a, b) => a.dts - b.dts || (a.config.kind === 'audio' ? -1 : 1),
    );
    for (const [i, unit] of units.entries()) {
      if (i === 130) processes.at(-1)?.fail(new Error('ended'));
      feed.push(unit);
      await clock.advance(15);
    }
    await feed.close();
    expect(processes).toHaveLength(2);
    for (const kind of ['video', 'audio']) {
      const times = (list: readonly AccessUnit[]) => list.filter(({ config }) => config.kind === kind).map(({ dts }) => dts);
      // The first sound comes before the first picture: it only says that there is sound.
      expect(times(out)).toEqual(times(units).slice(kind === 'audio' ? 1 : 0));
    }
  });

  it('notices an ffmpeg that hangs within 10 s, kills it and goes on with the next, without loss', async () => {
    const { clock, feed, processes, out, lost } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 20_000 })];
    let noticedAt = 0;
    for (const unit of units) {
      await clock.advance(40);
      const [first] = processes;
      if (first && clock.monotonic() > 3_000) first.stuck = true;
      feed.push(unit);
      if (unit.dts % 90_000 === 0) feed.check();
      if (first?.killed && noticedAt === 0) noticedAt = clock.monotonic();
    }
    await feed.close();
    expect(noticedAt).toBeGreaterThan(3_000);
    expect(noticedAt).toBeLessThanOrEqual(13_000);
    expect(processes).toHaveLength(2);
    expect(out).toEqual(units);
    expect(lost).toEqual([]);
  });

  it('does not take a picture that is held for 8 s for a hang', async () => {
    const { clock, feed, processes, out } = setUp();
    const maker = new UnitMaker();
    for (let ms = 0; ms < 40_000; ms += 8_000) {
      feed.push(maker.unit({ at: T0 + ms, dts: ms, key: true }));
      for (let i = 0; i < 8; i++) {
        await clock.advance(1_000);
        feed.check();
      }
    }
    await feed.close();
    expect(processes).toHaveLength(1);
    expect(out).toHaveLength(5);
  });

  it('says what is lost, with the words of ffmpeg, when the next ones fail too', async () => {
    const { clock, feed, processes, out, lost } = setUp();
    const maker = new UnitMaker();
    const key = (dts: number) => maker.unit({ at: T0 + dts, dts, key: true });
    feed.push(key(0));
    for (let i = 0; i < 3; i++) {
      processes.at(-1)?.fail(new Error(`ended: “no codec ${i}”`));
      expect(feed.failure?.text).toContain(`no codec ${i}`);
      expect(lost).toHaveLength(i < 2 ? 0 : 1);
      await clock.advance(5_000);
      feed.check();
    }
    expect(lost).toMatchObject([{ reason: 'ffmpeg-failed', text: 'ended: “no codec 2”' }]);
    expect(processes).toHaveLength(3);
    feed.push(maker.unit({ at: T0, dts: 1_000 }));
    expect(processes).toHaveLength(3);
    feed.push(key(1_040));
    feed.push(key(1_080));
    expect(processes).toHaveLength(4);
    expect(feed.failure).toBe(null);
    await feed.close();
    expect(out.map(({ dts }) => dts / 90)).toEqual([1_040, 1_080]);
  });

  it('keeps no more than it may for the next ffmpeg, and says so when that was too little', async () => {
    const { clock, feed, processes, lost, out } = setUp();
    const maker = new UnitMaker();
    feed.push(maker.unit({ at: T0, dts: 0, key: true }));
    processes[0]?.fail(new Error('ended'));
    for (let i = 1; i <= 20; i++) feed.push(maker.unit({ at: T0, dts: i * 40, bytes: 1_000_000 }));
    expect(lost).toMatchObject([{ reason: 'ffmpeg-failed' }]);
    await clock.advance(5_000);
    feed.push(maker.unit({ at: T0, dts: 900 }));
    expect(processes).toHaveLength(1);
    feed.push(maker.unit({ at: T0, dts: 1_000, key: true }));
    await feed.close();
    expect(out.map(({ dts }) => dts / 90)).toEqual([1_000]);
  });

  it('drops up to the next keyframe when ffmpeg takes no more, and says so behind what is inside', async () => {
    const { feed, processes, out, lost } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 4_000 })];
    for (const [i, unit] of units.entries()) {
      const process = processes[0];
      if (process) process.full = i === 10;
      feed.push(unit);
    }
    await feed.close();
    expect(out).toEqual([...units.slice(0, 10), ...units.slice(50)]);
    expect(lost).toMatchObject([{ reason: 'ffmpeg-failed' }]);
  });

  it('begins anew at a keyframe when the times of a stream go back', async () => {
    const { feed, processes, out } = setUp();
    const maker = new UnitMaker();
    const units = [...maker.video({ at: T0, dts: 3_600_000, lengthMs: 400 }), ...maker.video({ at: T0 + 400, dts: 1_000, lengthMs: 400 })];
    for (const unit of units) feed.push(unit);
    await feed.close();
    expect(processes).toHaveLength(2);
    expect(out).toEqual(units);
  });

  it('takes other sound along from the next keyframe on, and loses no picture for it', async () => {
    const { feed, processes, out } = setUp();
    const alaw: AudioConfig = { ...AUDIO, codec: 'pcm_alaw', codecString: 'alaw' };
    const before = new UnitMaker({ configs: [VIDEO, AUDIO] });
    const after = new UnitMaker({ configs: [VIDEO, alaw] });
    const sound = (maker: UnitMaker, dts: number) => maker.unit({ kind: 'audio', at: T0 + dts, dts });
    const units = [
      before.unit({ at: T0, dts: 0, key: true }),
      sound(before, 10),
      before.unit({ at: T0 + 40, dts: 40, key: true }),
      sound(before, 50),
      sound(after, 60),
      after.unit({ at: T0 + 80, dts: 80 }),
      after.unit({ at: T0 + 120, dts: 120, key: true }),
      sound(after, 130),
    ];
    for (const unit of units) feed.push(unit);
    await feed.close();
    expect(processes.map(({ configs }) => configs.map(({ codec }) => codec))).toEqual([
      ['h264'],
      ['h264', 'pcm_mulaw'],
      ['h264', 'pcm_alaw'],
    ]);
    expect(out.map(({ dts, config }) => [dts / 90, config.kind])).toEqual([
      [0, 'video'],
      [40, 'video'],
      [50, 'audio'],
      [80, 'video'],
      [120, 'video'],
      [130, 'audio'],
    ]);
  });

  it('goes on behind a flush without a keyframe, and with one where nothing may follow', async () => {
    const { feed, processes, out } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 4_000 })];
    for (const unit of units.slice(0, 20)) feed.push(unit);
    await new Promise<void>((resolve) => feed.flush(resolve));
    expect(out).toEqual(units.slice(0, 20));
    expect(processes[0]?.closed).toBe(true);
    for (const unit of units.slice(20, 30)) feed.push(unit);
    await new Promise<void>((resolve) => feed.flush(resolve));
    expect(out).toEqual(units.slice(0, 30));
    feed.discontinue();
    for (const unit of units.slice(30)) feed.push(unit);
    await feed.close();
    expect(out).toEqual([...units.slice(0, 30), ...units.slice(50)]);
  });
});
