import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { pts90k } from '../base/units.ts';
import type { AccessUnit, VideoConfig } from '../media/access-unit.ts';
import { CameraStream } from './camera-stream.ts';

const config: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c01e',
  description: new Uint8Array(),
  width: 640,
  height: 360,
};
const GROUP = 10;

function unit(clock: SimulatedClock, index: number, bytes = 100): AccessUnit {
  return {
    config,
    timeline: 1,
    pts: pts90k(index * 3600),
    dts: pts90k(index * 3600),
    utc: clock.now(),
    receivedAt: clock.now(),
    key: index % GROUP === 0,
    data: new Uint8Array(bytes),
  };
}

const indexOf = (item: { unit: AccessUnit } | undefined) => (item ? item.unit.pts / 3600 : undefined);

function drain(reader: { read(): { unit: AccessUnit; dropped: number } | undefined }): number[] {
  const seen: number[] = [];
  for (let item = reader.read(); item; item = reader.read()) seen.push(item.unit.pts / 3600);
  return seen;
}

describe('CameraStream', () => {
  it('gives a newcomer the current group from its keyframe (S1)', () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    for (let index = 0; index < 14; index += 1) stream.push(unit(clock, index));
    const reader = stream.subscribe();
    stream.push(unit(clock, 14));
    expect(drain(reader!)).toEqual([10, 11, 12, 13, 14]);
  });

  it('never starts a reader in the middle of a group (S1)', () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    stream.push(unit(clock, 3));
    const reader = stream.subscribe()!;
    stream.push(unit(clock, 4));
    expect(reader.read()).toBeUndefined();
    stream.push(unit(clock, 10));
    expect(indexOf(reader.read())).toBe(10);
  });

  it('lets a slow reader go on at the newest keyframe and counts what it missed (S2)', () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    const reader = stream.subscribe({ units: 15, bytes: 1e9, waitMs: 1e9 })!;
    for (let index = 0; index < 17; index += 1) stream.push(unit(clock, index));
    const first = reader.read();
    expect(indexOf(first)).toBe(10);
    expect(first?.dropped).toBe(10);
    expect(reader.length).toBeLessThanOrEqual(15);
    expect(stream.dropped).toBe(10);
  });

  it('waits for the next keyframe when the group itself does not fit (S2)', () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    const reader = stream.subscribe({ units: 5, bytes: 1e9, waitMs: 1e9 })!;
    for (let index = 0; index < 9; index += 1) stream.push(unit(clock, index));
    expect(reader.read()).toBeUndefined();
    stream.push(unit(clock, 10));
    const item = reader.read();
    expect(indexOf(item)).toBe(10);
    expect(item?.dropped).toBe(9);
  });

  it('bounds the bytes that wait and the time they wait (S2)', async () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    const heavy = stream.subscribe({ units: 1000, bytes: 2500, waitMs: 1e9 })!;
    const late = stream.subscribe({ units: 1000, bytes: 1e9, waitMs: 1000 })!;
    for (let index = 0; index < 5; index += 1) stream.push(unit(clock, index, 1000));
    expect(heavy.length).toBe(0);
    await clock.advance(1001);
    expect(late.read()).toBeUndefined();
    expect(late.dropped).toBe(5);
  });

  it('refuses readers beyond its limit and forgets closed ones (S3)', () => {
    const stream = new CameraStream(new SimulatedClock());
    const readers = Array.from({ length: 64 }, () => stream.subscribe());
    expect(stream.subscribe()).toBeUndefined();
    let told = 0;
    if (readers[1]) readers[1].onClosed = () => (told += 1);
    readers[0]?.close();
    expect(stream.subscribe()).toBeDefined();
    stream.close();
    stream.close();
    expect([stream.readers, told]).toEqual([0, 1]);
  });

  it('measures frames and bits a second (S4)', async () => {
    const clock = new SimulatedClock();
    const stream = new CameraStream(clock);
    for (let index = 0; index < 100; index += 1) {
      stream.push(unit(clock, index, 5000));
      await clock.advance(40);
    }
    expect(stream.rate.fps).toBeCloseTo(25, 0);
    expect(stream.rate.kbps).toBeCloseTo(1000, -2);
    stream.interrupted();
    expect(stream.rate).toEqual({ fps: 0, kbps: 0 });
  });
});
