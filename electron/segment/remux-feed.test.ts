import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { AccessUnit, TrackConfig } from '../media/access-unit.ts';
import { AUDIO, UnitMaker, VIDEO, type MuxedUnit } from '../../test/fixtures/muxed-units.ts';
import { RemuxFeed } from './remux-feed.ts';
import type { Cause } from './segment-cutter.ts';

/** Stands for ffmpeg at the far end: gives each unit back when asked to, or at the end. */
class FakeProcess {
  readonly configs: readonly TrackConfig[];
  readonly inside: MuxedUnit[] = [];
  closed = false;
  full = false;
  readonly #onFragment: (unit: MuxedUnit) => void;
  readonly fail: (error: Error) => void;

  constructor(options: { configs: readonly TrackConfig[]; onFragment: (unit: MuxedUnit) => void; onFailed: (error: Error) => void }) {
    this.configs = options.configs;
    this.#onFragment = options.onFragment;
    this.fail = options.onFailed;
  }

  write(unit: AccessUnit): boolean {
    if (this.full || !this.configs.includes(unit.config)) return false;
    this.inside.push(unit as MuxedUnit);
    return true;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.closed = true;
    for (const unit of this.inside.splice(0)) this.#onFragment(unit);
  }
}

function setUp() {
  const clock = new SimulatedClock();
  const processes: FakeProcess[] = [];
  const out: AccessUnit[] = [];
  const failures: Cause[] = [];
  const feed = new RemuxFeed({
    create: (options) => {
      const process = new FakeProcess(options);
      processes.push(process);
      return process;
    },
    clock,
    log: silentLog,
    onFragment: (unit) => out.push(unit),
    onFailed: (cause) => failures.push(cause),
  });
  return { clock, processes, out, failures, feed };
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

  it('starts a failed ffmpeg again, not at once, and says why there is a gap', async () => {
    const { clock, feed, processes, failures } = setUp();
    const maker = new UnitMaker();
    const key = (dts: number) => maker.unit({ at: T0 + dts, dts, key: true });
    feed.push(key(0));
    processes[0]?.fail(new Error('exit 1'));
    processes[0]?.fail(new Error('again'));
    expect(failures).toMatchObject([{ reason: 'ffmpeg-failed', text: expect.stringContaining('exit 1') as unknown }]);
    feed.push(key(40));
    expect(processes).toHaveLength(1);
    await clock.advance(1_000);
    feed.push(maker.unit({ at: T0, dts: 1_000 }));
    expect(processes).toHaveLength(1);
    feed.push(key(1_040));
    expect(processes).toHaveLength(2);
    expect(feed.counters.restarts).toBe(1);
    await feed.close();
    expect(processes.every((process) => process.closed)).toBe(true);
  });

  it('drops up to the next keyframe when ffmpeg takes no more', async () => {
    const { feed, processes, out } = setUp();
    const units = [...new UnitMaker().video({ at: T0, lengthMs: 4_000 })];
    for (const [i, unit] of units.entries()) {
      const process = processes[0];
      if (process) process.full = i === 10;
      feed.push(unit);
    }
    await feed.close();
    expect(out).toEqual([...units.slice(0, 10), ...units.slice(50)]);
  });
});
