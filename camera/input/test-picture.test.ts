import { describe, expect, it } from 'vitest';
import { drawFrameCode, frameNumberAt, frameTime, readFrameCode } from './frame-code.ts';
import { TestPicture } from './test-picture.ts';

const options = { width: 640, height: 360, fps: 15, seed: 3, label: 'Yard' };

describe('frame code', () => {
  it('is read back, from luma, from RGBA and from half the size', () => {
    const number = 0xdeadbeef;
    const luma = new Uint8Array(640 * 360).fill(90);
    drawFrameCode(luma, 640, 360, number);
    expect(readFrameCode(luma, 640, 360)).toBe(number);
    const rgba = Uint8ClampedArray.from({ length: 640 * 360 * 4 }, (_, index) => luma[index >> 2] ?? 0);
    expect(readFrameCode(rgba, 640, 360)).toBe(number);
    const half = Uint8Array.from({ length: 320 * 180 }, (_, index) => luma[Math.floor(index / 320) * 2 * 640 + (index % 320) * 2] ?? 0);
    expect(readFrameCode(half, 320, 180)).toBe(number);
  });

  it('is not seen where there is none', () => {
    expect(readFrameCode(new Uint8Array(640 * 360).fill(90), 640, 360)).toBeNull();
  });

  it('tells the time of capture', () => {
    const utc = Date.UTC(2026, 10, 23, 8, 0, 0, 400);
    const number = frameNumberAt(utc, 15);
    const time = frameTime(number, 15, utc + 5000);
    expect(time).toBeLessThanOrEqual(utc);
    expect(utc - time).toBeLessThan(1000 / 15);
  });
});

describe('TestPicture', () => {
  it('carries its number, moves, and leaves no traces of frames before', () => {
    const picture = new TestPicture(options);
    const utc = Date.UTC(2026, 10, 23, 8);
    const first = frameNumberAt(utc, 15);
    const early = new Uint8Array(picture.render(first, utc));
    const late = new Uint8Array(picture.render(first + 150, utc + 10_000));
    expect(readFrameCode(early.subarray(0, 640 * 360), 640, 360)).toBe(first);
    expect(readFrameCode(late.subarray(0, 640 * 360), 640, 360)).toBe(first + 150);
    expect(Buffer.compare(early, late)).not.toBe(0);
    expect(Buffer.compare(early, new Uint8Array(picture.render(first, utc)))).toBe(0);
    expect(Buffer.compare(early, new TestPicture(options).render(first, utc))).toBe(0);
  });

  it('looks different for another seed', () => {
    const utc = Date.UTC(2026, 10, 23, 8);
    const number = frameNumberAt(utc, 15);
    const one = new Uint8Array(new TestPicture(options).render(number, utc));
    expect(Buffer.compare(one, new TestPicture({ ...options, seed: 4 }).render(number, utc))).not.toBe(0);
  });
});
