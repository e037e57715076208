import { describe, expect, it } from 'vitest';
import { utcMs, type UtcMs } from '../../electron/contract/model.ts';
import { FakeFootage } from './fake-footage.ts';
import { frameData, GopCache, isGap, pictureAfter, pictureAt, type LoadedGop } from './gop-cache.ts';

const at = (ms: number) => utcMs(ms);

function loaded(footage: Awaited<ReturnType<GopCache['at']>>): LoadedGop {
  if (isGap(footage)) throw new Error('a gap');
  return footage;
}

describe('GopCache', () => {
  it('asks once for a group, whatever time within it is wanted', async () => {
    const footage = new FakeFootage([0, 5000]);
    const cache = new GopCache(footage.fetch, 'cam');
    await cache.at(at(1000));
    await cache.at(at(1999));
    expect(footage.asked).toEqual([1000]);
  });

  it('shares one call between a prefetch and the need for it', async () => {
    const footage = new FakeFootage([0, 5000]);
    const cache = new GopCache(footage.fetch, 'cam');
    cache.prefetch(at(2000));
    expect(loaded(await cache.at(at(2000))).gop.from).toBe(2000);
    expect(footage.asked).toEqual([2000]);
  });

  it('stays within its bytes, dropping what was least recently used', async () => {
    const footage = new FakeFootage([0, 9000]);
    const cache = new GopCache(footage.fetch, 'cam', 250);
    await cache.at(at(0));
    await cache.at(at(1000));
    await cache.at(at(0));
    await cache.at(at(2000));
    expect(cache.bytes).toBe(200);
    footage.asked.length = 0;
    await cache.at(at(0));
    await cache.at(at(1000));
    expect(footage.asked).toEqual([1000]);
  });

  it('keeps a group that alone is above the limit until the next one comes', async () => {
    const footage = new FakeFootage([0, 9000]);
    const cache = new GopCache(footage.fetch, 'cam', 50);
    await cache.at(at(0));
    await cache.at(at(500));
    expect(footage.asked).toEqual([0]);
    await cache.at(at(1000));
    expect(cache.bytes).toBe(100);
  });

  it('replaces the growing newest group by its longer self', async () => {
    const footage = new FakeFootage([0, 500]);
    const cache = new GopCache(footage.fetch, 'cam');
    expect(loaded(await cache.at(at(400))).gop.frames).toHaveLength(5);
    footage.spans = new FakeFootage([0, 900]).spans;
    expect(loaded(await cache.at(at(500))).gop.frames).toHaveLength(9);
    expect(cache.bytes).toBe(90);
  });

  it('asks again where there was a gap, since gaps fill', async () => {
    const footage = new FakeFootage([0, 1000]);
    const cache = new GopCache(footage.fetch, 'cam');
    expect(isGap(await cache.at(at(1500)))).toBe(true);
    footage.spans = new FakeFootage([0, 3000]).spans;
    expect(isGap(await cache.at(at(1500)))).toBe(false);
  });
});

describe('pictures of a group', () => {
  const group = (reordered: boolean, time: number) => {
    const footage = new FakeFootage([0, 5000]);
    footage.reordered = reordered;
    return loaded(footage.at(at(time)));
  };

  it.each([false, true])('finds the last at or before a time (reordered: %s)', (reordered) => {
    const { gop } = group(reordered, 1000);
    expect(pictureAt(gop, at(1000))).toBe(1000);
    expect(pictureAt(gop, at(1399))).toBe(1300);
    expect(pictureAt(gop, at(1400))).toBe(1400);
    expect(pictureAt(gop, at(9999))).toBe(1900);
    expect(pictureAt(gop, at(5) as UtcMs)).toBe(1000);
  });

  it.each([false, true])('finds the one after (reordered: %s)', (reordered) => {
    const { gop } = group(reordered, 1000);
    expect(pictureAfter(gop, at(1000))).toBe(1100);
    expect(pictureAfter(gop, at(1350))).toBe(1400);
    expect(pictureAfter(gop, at(1900))).toBeUndefined();
  });

  it('cuts the bytes of each frame', () => {
    const gop = { ...group(false, 0).gop, frames: [3, 1, 2].map((bytes, i) => ({ at: at(i), key: i === 0, bytes })) };
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
    expect([0, 1, 2].map((i) => [...frameData({ gop, bytes }, i)])).toEqual([[1, 2, 3], [4], [5, 6]]);
  });
});
