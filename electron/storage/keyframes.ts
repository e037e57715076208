import type { Keyframe } from '../contract/model.ts';
import { utcMs } from '../base/units.ts';

/*
 * The keyframes of one segment as a blob: varints (LEB128) of
 *   count | offset of the first group | then per keyframe: zigzag(time step - previous time step) | bytes of its group
 * Times are whole milliseconds from the segment's start; groups lie one behind the other, so an offset is a running sum.
 */

/** Throws on times that go back or groups that do not touch: such an index would point into the wrong frame. */
export function encodeKeyframes(start: number, keyframes: readonly Keyframe[]): Uint8Array {
  const out: number[] = [];
  let offset = keyframes[0]?.offset ?? 0;
  let time = start;
  let step = 0;
  putVarint(out, keyframes.length);
  putVarint(out, offset);
  for (const keyframe of keyframes) {
    if (keyframe.offset !== offset) throw new Error(`keyframe at ${keyframe.at} begins at byte ${keyframe.offset}, not ${offset}`);
    if (keyframe.at < time || !Number.isInteger(keyframe.at)) throw new Error(`keyframe time ${keyframe.at} after ${time}`);
    const next = keyframe.at - time;
    putVarint(out, zigzag(next - step));
    putVarint(out, keyframe.bytes);
    step = next;
    time = keyframe.at;
    offset += keyframe.bytes;
  }
  return Uint8Array.from(out);
}

/** The reverse. Throws on a blob that ends early or makes no sense. */
export function decodeKeyframes(start: number, blob: Uint8Array): Keyframe[] {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = blob[position++];
      if (byte === undefined || scale > 2 ** 49) throw new Error('keyframe list is damaged');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  const count = varint();
  if (count > blob.length) throw new Error('keyframe list is damaged');
  let offset = varint();
  let at = start;
  let step = 0;
  const keyframes: Keyframe[] = [];
  for (let i = 0; i < count; i++) {
    const change = varint();
    step += change % 2 === 0 ? change / 2 : -(change + 1) / 2;
    at += step;
    const bytes = varint();
    keyframes.push({ at: utcMs(at), offset, bytes });
    offset += bytes;
  }
  return keyframes;
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function putVarint(out: number[], value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} cannot be stored`);
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}
