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
    queue.push(unit(1, false));
    queue.push(unit(2, true, audio));
    queue.push(unit(3, true));
    queue.push(unit(4, false));
    expect(drain(queue)).toEqual([2, 3, 4]);
    expect(queue.dropped).toBe(1);
  });

  it('when full keeps what the newest keyframe begins, and counts the rest', () => {
    const queue = new SendQueue({ units: 5, bytes: 1e6 });
    [true, false, false, true, false].forEach((key, at) => queue.push(unit(at, key)));
    queue.push(unit(5, false));
    expect(drain(queue)).toEqual([3, 4, 5]);
    expect(queue.dropped).toBe(3);
  });

  it('when full of one group of pictures drops it whole and waits for the next keyframe', () => {
    const queue = new SendQueue({ units: 100, bytes: 450 });
    [true, false, false, false, false, false].forEach((key, at) => queue.push(unit(at, key)));
    expect(queue.length).toBe(0);
    queue.push(unit(7, true));
    queue.push(unit(8, false));
    expect(drain(queue)).toEqual([7, 8]);
    expect(queue.dropped).toBe(6);
  });

  it('never holds more than its limits', () => {
    const queue = new SendQueue({ units: 10, bytes: 5_000 });
    for (let at = 0; at < 1000; at += 1) {
      queue.push(unit(at, at % 7 === 0, at % 3 === 0 ? audio : video, 300));
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
