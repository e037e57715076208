import { describe, expect, it } from 'vitest';
import { pts90k, utcMs } from '../electron/base/units.ts';
import type { AccessUnit, TrackConfig } from '../electron/media/access-unit.ts';
import { GopCache } from './gop-cache.ts';
import { SendQueue } from './send-queue.ts';

const video: TrackConfig = { kind: 'video', codec: 'h264', codecString: 'avc1.42c01e', description: new Uint8Array(), width: 2, height: 2 };
const audio: TrackConfig = {
  kind: 'audio',
  codec: 'opus',
  codecString: 'opus',
  description: new Uint8Array(),
  sampleRate: 48_000,
  channels: 2,
};
const unit = (at: number, key: boolean, config: TrackConfig = video, bytes = 100): AccessUnit => ({
  config,
  timeline: 1,
  pts: pts90k(at),
  dts: pts90k(at),
  utc: utcMs(at),
  receivedAt: utcMs(at),
  key,
  data: new Uint8Array(bytes),
});
const drain = (queue: SendQueue): number[] => {
  const out: number[] = [];
  for (let next = queue.shift(); next; next = queue.shift()) out.push(next.pts);
  return out;
};

describe('what a viewer is still to be sent', () => {
  it('begins with a keyframe', () => {
    const queue = new SendQueue();
    queue.push(unit(1, false), 0);
    queue.push(unit(2, true, audio), 0);
    queue.push(unit(3, true), 0);
    queue.push(unit(4, false), 0);
    expect(drain(queue)).toEqual([2, 3, 4]);
    expect(queue.dropped).toBe(1);
    expect(queue.overflows).toBe(0);
  });

  it('when full keeps what the newest keyframe begins, and counts the rest', () => {
    const queue = new SendQueue({ units: 5, bytes: 1e6 });
    [true, false, false, true, false].forEach((key, at) => queue.push(unit(at, key), 0));
    queue.push(unit(5, false), 0);
    expect(drain(queue)).toEqual([3, 4, 5]);
    expect(queue.dropped).toBe(3);
    expect(queue.overflows).toBe(1);
  });

  it('when full of one group of pictures keeps its keyframe and the sound, and goes on with the next keyframe', () => {
    const queue = new SendQueue({ units: 100, bytes: 650 });
    [true, false, false].forEach((key, at) => queue.push(unit(at, key), 0));
    queue.push(unit(3, true, audio), 0);
    [4, 5, 6].forEach((at) => queue.push(unit(at, false), 0));
    expect(queue.length).toBe(2);
    queue.push(unit(7, true), 0);
    queue.push(unit(8, false), 0);
    expect(drain(queue)).toEqual([0, 3, 7, 8]);
    expect(queue.dropped).toBe(5);
  });

  it('when nothing of it can be kept is forgotten whole', () => {
    const queue = new SendQueue({ units: 100, bytes: 450 });
    queue.push(unit(0, true, video, 900), 0);
    expect(queue.length).toBe(0);
    queue.push(unit(1, false), 0);
    queue.push(unit(2, true), 0);
    expect(drain(queue)).toEqual([2]);
  });

  it('is left out when it has waited too long, but for the keyframe that is next: even the slowest viewer gets pictures', () => {
    const queue = new SendQueue({ ms: 1000 });
    [true, false, true, false, false].forEach((key, at) => queue.push(unit(at, key), at * 100));
    expect(queue.waitMs(700)).toBe(700);
    queue.expire(1000);
    expect(queue.length).toBe(5);
    queue.expire(1001);
    expect(queue.waitMs(1001)).toBe(801);
    expect(queue.length).toBe(3);
    queue.expire(1300);
    expect(drain(queue)).toEqual([2]);
    queue.push(unit(6, false), 1300);
    expect(queue.length).toBe(0);
    queue.push(unit(7, true), 1300);
    queue.expire(4000, 5000);
    expect(drain(queue)).toEqual([7]);
  });

  it('can be rid of its pictures alone, or of all', () => {
    const queue = new SendQueue();
    [true, false].forEach((key, at) => queue.push(unit(at, key), 0));
    queue.push(unit(2, true, audio), 0);
    queue.clearVideo();
    queue.push(unit(3, false), 0);
    expect(queue.length).toBe(1);
    queue.push(unit(4, true), 0);
    expect(drain(queue)).toEqual([2, 4]);
    queue.push(unit(5, false), 0);
    queue.clear();
    expect(queue.length).toBe(0);
  });

  it('never holds more than its limits', () => {
    const queue = new SendQueue({ units: 10, bytes: 5_000 });
    for (let at = 0; at < 1000; at += 1) {
      queue.push(unit(at, at % 7 === 0, at % 3 === 0 ? audio : video, 300), at);
      expect(queue.length).toBeLessThanOrEqual(10);
    }
  });
});

describe('what a new viewer begins with', () => {
  it('is everything since the last keyframe of the video', () => {
    const cache = new GopCache();
    cache.push(unit(0, false));
    cache.push(unit(0, true, audio));
    expect(cache.units).toEqual([]);
    cache.push(unit(1, true));
    cache.push(unit(2, true, audio));
    cache.push(unit(3, false));
    expect(cache.units.map(({ pts }) => pts)).toEqual([1, 2, 3]);
    cache.push(unit(4, true));
    expect(cache.units.map(({ pts }) => pts)).toEqual([4]);
  });

  it('is nothing when the group of pictures is too long, until the next keyframe', () => {
    const cache = new GopCache({ units: 3, bytes: 1e6 });
    [true, false, false, false, false].forEach((key, at) => cache.push(unit(at, key)));
    expect(cache.units).toEqual([]);
    expect(cache.overflows).toBe(1);
    cache.push(unit(9, true));
    expect(cache.units.map(({ pts }) => pts)).toEqual([9]);
  });
});
