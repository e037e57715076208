import type { CameraId, Segment } from '../contract/model.ts';
import type { NewSegment } from './interface.ts';
import { segmentFile } from './layout.ts';

/** A row as the rest of the program and the page see it. */
export function toSegment(camera: CameraId, row: NewSegment, open = false): Segment {
  const { start, end, bytes, codec, keyframes } = row;
  return { id: `${camera}/${start}`, camera, start, end, bytes, file: segmentFile(camera, start), codec, open, keyframes };
}
