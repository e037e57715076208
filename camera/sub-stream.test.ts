import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { Emitter } from '../electron/base/emitter.ts';
import { silentLog } from '../electron/base/log.ts';
import { pts90k, utcMs } from '../electron/base/units.ts';
import type { AccessUnit, TrackConfig } from '../electron/media/access-unit.ts';
import type { CameraInput } from './input/input.ts';
import { SubStream } from './sub-stream.ts';

const START = 1_000_000;
const video = (width: number): TrackConfig => ({
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c01e',
  description: new Uint8Array(),
  width,
  height: 2,
});
const [LARGE, SMALL] = [video(640), video(160)];
/** A unit captured `ms` after START, of a source whose media time was `pts0` then. */
const unit = (ms: number, pts0: number, change: Partial<AccessUnit> = {}): AccessUnit => ({
  config: LARGE,
  timeline: 1,
  pts: pts90k(pts0 + ms * 90),
  dts: pts90k(pts0 + ms * 90),
  utc: utcMs(START + ms),
  receivedAt: utcMs(START + ms),
  key: false,
  data: new Uint8Array(10),
  ...change,
});

class Input implements CameraInput {
  readonly units = new Emitter<AccessUnit>();
  readonly status: CameraInput['status'] = new Emitter();
  readonly configs = [SMALL];
  started = 0;
  closed = 0;
  start(): void {
    this.started += 1;
  }
  async close(): Promise<void> {
    this.closed += 1;
  }
  give(ms: number, change: Partial<AccessUnit> = {}): void {
    this.units.emit(unit(ms, 5_000_000, { config: SMALL, timeline: 9, ...change }));
  }
}

let clock: SimulatedClock;
let inputs: Input[];
let sub: SubStream;
let units: AccessUnit[];
beforeEach(() => {
  clock = new SimulatedClock();
  [inputs, units] = [[], []];
  sub = new SubStream({
    open: () => {
      const input = new Input();
      inputs.push(input);
      return input;
    },
    clock,
    log: silentLog,
  });
  sub.units.on((given) => units.push(given));
});
afterEach(() => sub.close());
const settle = () => new Promise((resolve) => setImmediate(resolve));
const main = (ms: number, change: Partial<AccessUnit> = {}) => sub.onMain(unit(ms, 90_000, change));
/** ms after START at which the main picture has this media time. */
const times = (given: readonly AccessUnit[]) => given.map(({ pts, dts }) => [(pts - 90_000) / 90, (dts - 90_000) / 90]);

describe('the small picture', () => {
  it('is opened once, when somebody wants it, and closed when for a while nobody did', async () => {
    expect(inputs).toHaveLength(0);
    const [one, other] = [{}, {}];
    sub.want(one);
    sub.want(other);
    sub.want(one);
    await settle();
    expect(inputs).toHaveLength(1);
    expect(inputs[0]?.started).toBe(1);
    sub.release(one);
    await clock.advance(100_000);
    expect(inputs[0]?.closed).toBe(0);
    sub.release(other);
    await clock.advance(30_000);
    sub.want(other);
    await clock.advance(100_000);
    expect(inputs[0]?.closed).toBe(0);
    sub.release(other);
    sub.release(other);
    await clock.advance(61_000);
    expect(inputs[0]?.closed).toBe(1);
    sub.want(one);
    await settle();
    expect(inputs).toHaveLength(2);
    expect(inputs[1]?.started).toBe(1);
  });

  it('has the times of the main one, by when pictures were captured', () => {
    sub.want({});
    main(1_000);
    inputs[0]?.give(900, { key: true });
    inputs[0]?.give(1_000);
    inputs[0]?.give(1_100, { dts: pts90k(5_000_000 + 1_050 * 90) });
    expect(times(units)).toEqual([
      [900, 900],
      [1_000, 1_000],
      [1_100, 1_050],
    ]);
    expect(units.every(({ timeline, config }) => timeline === 1 && config === SMALL)).toBe(true);
    expect(units.map(({ utc }) => utc - START)).toEqual([900, 1_000, 1_100]);
  });

  it('offers a viewer all since its last keyframe to begin with', () => {
    sub.want({});
    expect(sub.beginning).toEqual([]);
    main(1_000);
    inputs[0]?.give(500, { key: true });
    inputs[0]?.give(600);
    inputs[0]?.give(1_500, { key: true });
    inputs[0]?.give(1_600);
    expect(times(sub.beginning).map(([pts]) => pts)).toEqual([1_500, 1_600]);
  });

  it('goes on from its next keyframe when the main one begins anew, or itself', () => {
    sub.want({});
    main(1_000);
    inputs[0]?.give(1_000, { key: true });
    main(2_000, { timeline: 2, pts: pts90k(0) });
    inputs[0]?.give(2_100);
    expect(units).toHaveLength(1);
    inputs[0]?.give(2_500, { key: true });
    expect(units.at(-1)).toMatchObject({ timeline: 2, pts: 500 * 90 });
    inputs[0]?.give(3_000, { timeline: 10, key: true, pts: pts90k(77), dts: pts90k(77) });
    inputs[0]?.give(3_100, { timeline: 10, pts: pts90k(9_077), dts: pts90k(9_077) });
    expect(units.slice(2).map(({ pts }) => pts / 90)).toEqual([1_000, 1_100]);
  });

  it('has no sound of its own, and nothing before the main one began', () => {
    sub.want({});
    main(0, { pts: pts90k(0), dts: pts90k(0) });
    inputs[0]?.give(-500, { key: true });
    inputs[0]?.give(100, {
      config: { kind: 'audio', codec: 'opus', codecString: 'opus', description: new Uint8Array(), sampleRate: 48_000, channels: 1 },
    });
    inputs[0]?.give(200, { key: true });
    expect(units.map(({ pts }) => pts)).toEqual([200 * 90]);
  });

  it('that does not come, or comes no more, is not alive', async () => {
    expect(sub.isAlive).toBe(true);
    sub.want({});
    await clock.advance(7_000);
    expect(sub.isAlive).toBe(true);
    inputs[0]?.give(7_000, { key: true });
    await clock.advance(7_000);
    expect(sub.isAlive).toBe(true);
    await clock.advance(2_000);
    expect(sub.isAlive).toBe(false);
  });

  it('after close gives nothing, and is not opened', async () => {
    sub.want({});
    await sub.close();
    expect(inputs[0]?.closed).toBe(1);
    inputs[0]?.give(0, { key: true });
    sub.want({});
    expect(units).toEqual([]);
    expect(inputs).toHaveLength(1);
    expect(sub.isAlive).toBe(false);
  });
});
