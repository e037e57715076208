import { describe, expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { decodeKeyframes, encodeKeyframes } from './keyframes.ts';

const START = Date.UTC(2026, 10, 23, 10, 0, 0);

function keyframes(steps: readonly number[], sizes: readonly number[], offset = 900) {
  let at = START;
  return sizes.map((bytes, i) => {
    at += steps[i] ?? 0;
    const keyframe = { at: utcMs(at), offset, bytes };
    offset += bytes;
    return keyframe;
  });
}

describe('the keyframe list', () => {
  it('comes back as it went in', () => {
    const list = keyframes([0, 2000, 2001, 1999, 60_000, 1], [100_000, 1, 127, 128, 2 ** 31, 5_000_000_000]);
    expect(decodeKeyframes(START, encodeKeyframes(START, list))).toEqual(list);
    expect(decodeKeyframes(START, encodeKeyframes(START, []))).toEqual([]);
  });

  it('takes about four bytes a keyframe of a steady camera', () => {
    const steps = Array.from({ length: 30 }, (_, i) => (i === 0 ? 0 : 2000));
    const list = keyframes(
      steps,
      steps.map(() => 1_000_000),
    );
    expect(encodeKeyframes(START, list).length).toBeLessThan(30 * 4 + 8);
  });

  it('refuses what it could not give back', () => {
    const [first, second] = keyframes([0, 2000], [10, 10]);
    if (!first || !second) throw new Error('two keyframes');
    expect(() => encodeKeyframes(START, [second, first])).toThrow();
    expect(() => encodeKeyframes(START, [first, { ...second, offset: second.offset + 1 }])).toThrow(/byte/);
    expect(() => encodeKeyframes(START, [{ ...first, at: utcMs(START + 0.5) }])).toThrow(/time/);
  });

  it('does not hang or invent on damaged bytes', () => {
    const blob = encodeKeyframes(START, keyframes([0, 2000], [10, 10]));
    for (let length = 0; length < blob.length; length++) expect(() => decodeKeyframes(START, blob.subarray(0, length))).toThrow();
    expect(() => decodeKeyframes(START, new Uint8Array(40).fill(255))).toThrow();
  });
});
