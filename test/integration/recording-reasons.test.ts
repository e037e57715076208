import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/base/units.ts';
import { RecordedClip, T0 } from './recorded-clip.ts';
import { clipUnits } from './recording-clip.ts';

let world: RecordedClip;

beforeEach(async () => {
  world = await RecordedClip.open();
});

afterEach(() => world.close());

describe('the reasons of gaps', () => {
  const query = (from: number, to: number) => world.playback.recordings({ camera: world.camera.id, from: utcMs(from), to: utcMs(to) });

  it('tile the range with what was recorded: before, lost, not running, still to come', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 20_000 }));
    world.recorder.sourceStatus({ state: 'offline', reason: { code: 'session-lost', text: 'The camera went away.' } });
    await untilStopped();
    await world.clock.advance(10_000);
    world.recorder.sourceStatus({ state: 'connecting', reason: { code: 'peer-absent', text: 'The camera is not there.' } });
    await world.clock.advance(5_000);
    world.recorder.sourceStatus({ state: 'live', reason: null });
    const resumed = world.clock.now();
    await world.play(clipUnits({ start: resumed, lengthMs: 10_000, timeline: 2 }));
    await world.recorder.close();
    await world.runs.close();
    const stopped = world.clock.now();
    await world.clock.advance(60_000);
    await world.runs.start();
    world.recorder = world.newRecorder();
    await world.play(clipUnits({ start: world.clock.now(), lengthMs: 10_000, timeline: 3 }));
    await world.clock.advance(100);
    await world.recorder.close();

    const now = world.clock.now();
    const { spans, gaps, coverage } = await query(T0 - 5_000, now + 5_000);
    const lost = { reason: 'session-lost', text: 'The camera went away.' };
    expect(spans).toEqual([
      { from: T0, to: T0 + 20_000 },
      { from: resumed, to: resumed + 10_000 },
      { from: stopped + 60_000, to: stopped + 70_000 },
    ]);
    expect(gaps).toEqual([
      { from: T0 - 5_000, to: T0, reason: 'not-added-yet', text: expect.any(String) as string },
      { from: T0 + 20_000, to: resumed, ...lost },
      { from: resumed + 10_000, to: stopped + 60_000, reason: 'app-not-running', text: expect.any(String) as string },
      { from: now, to: now + 5_000, reason: 'future', text: expect.any(String) as string },
    ]);
    expect(coverage).toBeCloseTo(40_000 / (now - T0 + 5_000), 6);
    expect(await query(T0 + 20_500, T0 + 21_000)).toEqual({
      spans: [],
      gaps: [{ from: T0 + 20_500, to: T0 + 21_000, ...lost }],
      healed: [],
      coverage: 0,
    });
    expect((await world.playback.gop({ camera: world.camera.id, at: utcMs(T0 + 25_000) })).value).toEqual({
      kind: 'gap',
      from: T0 + 20_000,
      to: resumed,
      ...lost,
      previous: T0 + 20_000 - 1,
      next: resumed,
    });
    const [timeline] = await world.playback.timeline({ cameras: [world.camera.id], from: utcMs(T0), to: utcMs(T0 + 40_000), buckets: 4 });
    expect(timeline?.coverage.slice(0, 3)).toEqual([1, 1, 0]);
  });

  it('are found for a camera that is connected and silent, and for one that sends no keyframe', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 4_000 }));
    await untilStopped();
    expect(world.recorder.reason).toMatchObject({ reason: 'source-stalled', text: expect.stringContaining('no picture') as unknown });
    await world.play([...clipUnits({ start: world.clock.now(), lengthMs: 14_000, timeline: 2 })].filter((unit) => !unit.key));
    expect(world.recorder.reason?.reason).toBe('no-keyframe');
    expect(world.recorder.stats.waitedForKeyframe).toBeGreaterThan(100);
    await world.play(clipUnits({ start: world.clock.now(), lengthMs: 3_000, timeline: 3 }));
    await world.recorder.close();
    expect((await query(T0, world.clock.now())).gaps).toMatchObject([
      { from: T0 + 4_000, reason: 'source-stalled' },
      { reason: 'no-keyframe', text: expect.stringContaining('none that a recording could begin with') as unknown },
    ]);
  });

  it('name a clock that was set forward; set back, the footage stays and the later one is shown', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 10_000 }));
    world.clock.jump(30_000);
    const jumped = [...clipUnits({ start: T0 + 30_000, lengthMs: 20_000 })].slice(100);
    await world.play(jumped);
    const { gaps } = await query(T0, T0 + 45_000);
    expect(gaps).toMatchObject([{ from: T0 + 10_000, to: T0 + 40_000, text: expect.stringContaining('forward by 30.0 s') as unknown }]);
    world.clock.jump(-20_000);
    await world.play([...clipUnits({ start: T0 + 10_000, lengthMs: 30_000 })].slice(200));
    await world.recorder.close();
    const starts = (await world.playback.segments({ camera: world.camera.id, from: utcMs(T0), to: utcMs(T0 + 60_000) })).map(
      (segment) => segment.start - T0,
    );
    expect(starts).toEqual([0, 30_000, 40_000]);
    expect(await query(T0, T0 + 50_000)).toMatchObject({ spans: [{ to: T0 + 10_000 }, { from: T0 + 30_000 }] });
  });

  /** The recorder notices silence by its own watch, once a second. */
  async function untilStopped(): Promise<void> {
    await expect
      .poll(
        async () => {
          await world.clock.advance(1_000);
          await world.recorder.settled();
          return world.recorder.recording;
        },
        { timeout: 10_000 },
      )
      .toBe(false);
  }
});
