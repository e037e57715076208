import { afterEach, describe, expect, it } from 'vitest';
import { material, placed } from './recording-material.ts';
import type { Cause } from '../../electron/segment/segment-cutter.ts';
import { RecordingWorld, type Way } from './recording-world.ts';

/* A schedule or an event decides when to record: pauses and what came before an event, through the real recorder by both ways. */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);
const NO_EVENT = { reason: 'no-event', text: 'Nothing happened.' } as const;
const SCHEDULE = { reason: 'schedule', text: 'The schedule says off.' } as const;

let world: RecordingWorld;
afterEach(() => world.close());

/** 24 s of one stream, a keyframe each second. */
const stream = () => placed(material({ options: ['-bf', '0'], seconds: 24, sound: 'pcm_mulaw' }), { at: T0, from: 90_000, timeline: 1 });
type Units = ReturnType<typeof stream>;
const between = (units: Units, from: number, to: number) => units.filter(({ utc }) => utc >= T0 + from && utc < T0 + to);

/** Simulated time must not outrun the real ffmpeg that gives out its last pictures. */
async function held(cause: Cause): Promise<void> {
  world.recorder.hold(cause);
  await expect.poll(() => world.recorder.reason?.reason).toBe(cause.reason);
}

describe.each<Way>(['fragments', 'bare'])('a recorder that is held, by %s,', (way) => {
  it('has everything up to the hold; the gap begins there and ends at the keyframe behind it', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = stream();
    await world.play(between(units, 0, 4_600));
    await held(SCHEDULE);
    await world.play(between(units, 4_600, 12_500));
    world.recorder.hold(null);
    await world.play(between(units, 12_500, 24_000));
    await world.recorder.close();
    await world.judge();
    expect(await world.recordings(T0, T0 + 24_000)).toMatchObject({
      spans: [
        { from: T0, to: T0 + 4_600 },
        { from: T0 + 13_000, to: T0 + 24_000 },
      ],
      gaps: [{ from: T0 + 4_600, to: T0 + 13_000, reason: 'schedule' }],
    });
  });

  it('takes what came before an event from memory, at its true times; the gap ends where that begins', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = stream();
    world.recorder.hold(NO_EVENT);
    await world.play(between(units, 0, 10_200));
    world.recorder.hold(null);
    // A ring of five seconds, at once.
    for (const unit of between(units, 5_000, 10_200)) world.push(unit);
    await world.play(between(units, 10_200, 16_000));
    await held(NO_EVENT);
    await world.until(T0 + 24_000);
    await world.recorder.close();
    await world.judge();
    expect(await world.recordings(T0, T0 + 24_000)).toMatchObject({
      spans: [{ from: T0 + 5_000, to: T0 + 16_000 }],
      gaps: [
        { from: T0, to: T0 + 5_000, reason: 'no-event' },
        { from: T0 + 16_000, to: T0 + 24_000, reason: 'no-event' },
      ],
    });
  });

  it('goes on in the same file when the next event comes soon: nothing is missing and nothing is there twice', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = stream();
    await world.play(between(units, 0, 8_480));
    await held(NO_EVENT);
    await world.play(between(units, 8_480, 11_200));
    world.recorder.hold(null);
    for (const unit of between(units, 6_000, 11_200)) world.push(unit);
    await world.play(between(units, 11_200, 14_000));
    await world.recorder.close();
    const [file, ...others] = await world.judge();
    expect(others).toEqual([]);
    expect(file?.streams[0]?.packets).toBe(between(units, 0, 14_000).filter(({ config }) => config.kind === 'video').length);
    expect(await world.recordings(T0, T0 + 14_000)).toMatchObject({ spans: [{ from: T0, to: T0 + 14_000 }], gaps: [] });
  });

  it('ends its file when nothing comes for long, and begins another', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = stream();
    await world.play(between(units, 0, 2_000));
    await held(SCHEDULE);
    await world.until(T0 + 18_500);
    await expect.poll(async () => (await world.rows()).length).toBe(1);
    world.recorder.hold(null);
    await world.play(between(units, 18_500, 24_000));
    await world.recorder.close();
    const files = await world.judge();
    expect(files.map(({ row }) => row.start - T0)).toEqual([0, 19_000]);
    expect((await world.recordings(T0, T0 + 24_000)).gaps).toMatchObject([{ from: T0 + 2_000, to: T0 + 19_000, reason: 'schedule' }]);
  });

  it('says so when the camera is gone as the hold ends', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = stream();
    await world.play(between(units, 0, 2_000));
    await held(SCHEDULE);
    world.recorder.sourceStatus({ state: 'offline', reason: { code: 'rtsp-refused', text: 'The camera refuses.' } });
    await world.until(T0 + 6_000);
    world.recorder.hold(null);
    await world.until(T0 + 9_000);
    world.recorder.sourceStatus({ state: 'live', reason: null });
    await world.play(between(units, 9_000, 12_000));
    await world.recorder.close();
    expect((await world.recordings(T0, T0 + 12_000)).gaps).toMatchObject([
      { from: T0 + 2_000, to: T0 + 6_000, reason: 'schedule' },
      { from: T0 + 6_000, to: T0 + 9_000, reason: 'rtsp-refused' },
    ]);
  });
});
