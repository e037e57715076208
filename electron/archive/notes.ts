import { z } from 'zod';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId } from '../contract/model.ts';
import { segmentFile, RECORDINGS_DIR } from '../segment/names.ts';
import { MAX_SEGMENT_MS, type NewSegment, type SegmentOrigin } from '../segment/segment.ts';
import { decodeKeyframes, encodeKeyframes } from '../storage/keyframes.ts';

/** Behind the name of a segment's file: what is in it is no MP4 that a player opens. */
const SUFFIX = '.sealed';

/** Name of a segment's object below the archive's own folder: `cam-xxxxxxxx/2026-11-23/1795420800000.mp4.sealed`. */
export function objectName(camera: CameraId, start: number, origin: SegmentOrigin): string {
  return segmentFile(camera, start, origin).slice(RECORDINGS_DIR.length + 1) + SUFFIX;
}

/** What the name of an object says; null for one that is not ours. */
export function readObjectName(name: string): { readonly camera: CameraId; readonly start: number; readonly origin: SegmentOrigin } | null {
  const match = /^(cam-[a-z2-7]{8})\/\d{4}-\d{2}-\d{2}\/(\d{1,15})(?:\.(healed|sub))?\.mp4\.sealed$/.exec(name);
  if (!match) return null;
  const [, camera = '', start = '', origin = 'live'] = match;
  const read = { camera, start: Number(start), origin: origin as SegmentOrigin };
  return Math.abs(read.start) <= 8.64e15 && objectName(camera, read.start, read.origin) === name ? read : null;
}

/** What is kept of a segment's row, and of the camera it belongs to, in its object. */
export interface SegmentNotes {
  readonly camera: { readonly id: CameraId; readonly name: string; readonly createdAt: UtcMs };
  readonly segment: Omit<NewSegment, 'camera' | 'folder' | 'archive'>;
}

const whole = z.number().int().min(0).max(8.64e15);
const schema = z.object({
  camera: z.object({ id: z.string().regex(/^cam-[a-z2-7]{8}$/), name: z.string().max(200), createdAt: whole }),
  start: whole,
  end: whole,
  bytes: whole,
  codec: z.string().max(200),
  origin: z.enum(['live', 'healed', 'sub']),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  keyframes: z.string().max(1_500_000),
});

export function encodeNotes({ camera, segment }: SegmentNotes): Uint8Array {
  const { start, end, bytes, codec, origin, hash, keyframes } = segment;
  const list = Buffer.from(encodeKeyframes(start, keyframes)).toString('base64');
  const notes: z.infer<typeof schema> = {
    camera,
    start,
    end,
    bytes,
    codec,
    origin,
    hash: hash && Buffer.from(hash).toString('hex'),
    keyframes: list,
  };
  return new TextEncoder().encode(JSON.stringify(notes));
}

/** Null for what is not understood, or makes no sense: the bytes are genuine, the program that wrote them may have been another. */
export function decodeNotes(bytes: Uint8Array): SegmentNotes | null {
  try {
    const { camera, start, end, hash, keyframes, ...rest } = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    const list = decodeKeyframes(start, Buffer.from(keyframes, 'base64'));
    if (list[0]?.at !== start || end <= start || end - start > MAX_SEGMENT_MS) return null;
    return {
      camera: { ...camera, createdAt: utcMs(camera.createdAt) },
      segment: {
        ...rest,
        start: utcMs(start),
        end: utcMs(end),
        hash: hash === null ? null : new Uint8Array(Buffer.from(hash, 'hex')),
        keyframes: list,
      },
    };
  } catch {
    return null;
  }
}
