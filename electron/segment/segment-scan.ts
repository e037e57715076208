import { open, type FileHandle } from 'node:fs/promises';
import { utcMs } from '../base/units.ts';
import { readHeader, readType } from '../media/fmp4/boxes.ts';
import { parseFragment } from '../media/fmp4/fragment.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import { parsePrft } from '../media/fmp4/prft.ts';
import { MAX_SEGMENT_MS, type NewSegment } from './segment.ts';

/** Larger boxes than these are not ours: the header of a file, and the `moof` of one frame. */
const MAX_HEADER_BYTES = 1024 * 1024;
const MAX_MOOF_BYTES = 64 * 1024;
/** One look takes a `prft` and the `moof` of one frame whole. */
const LOOK_BYTES = 512;
/** Read at once: the headers of frames lie so close together that reading on is cheaper than asking for each. */
const WINDOW_BYTES = 256 * 1024;
const ASSUMED_FRAME_MS = 40;
const MAX_FRAME_MS = 1_000;

export type ScannedSegment = Pick<NewSegment, 'start' | 'end' | 'bytes' | 'codec' | 'keyframes'>;

export interface ScanResult {
  /** Null when the file holds no whole keyframe with its time. */
  readonly segment: ScannedSegment | null;
  /** Bytes up to the end of the last whole fragment; what is behind is torn. */
  readonly wholeBytes: number;
  readonly fileBytes: number;
}

/**
 * Rebuilds a segment's row from its file alone: the boxes' headers, `moof` and `prft`; the pictures are skipped.
 * @param start the start that the file's name says
 */
export async function scanSegment(path: string, start: number): Promise<ScanResult> {
  const handle = await open(path, 'r');
  try {
    const fileBytes = (await handle.stat()).size;
    const file = new FileWindow(handle, fileBytes);
    const header = await readInit(file, fileBytes);
    if (!header) return { segment: null, wholeBytes: 0, fileBytes };
    const scan = new Scan(header.init, start);
    let offset = header.bytes;
    for (;;) {
      const next = await scan.fragment(file, offset, fileBytes);
      if (next === null) break;
      offset = next;
    }
    return { segment: scan.result(offset), wholeBytes: offset, fileBytes };
  } finally {
    await handle.close();
  }
}

/** A file read front to back in large pieces; what lies between is not copied again. */
class FileWindow {
  readonly #handle: FileHandle;
  readonly #fileBytes: number;
  readonly #buffer: Uint8Array;
  #from = 0;
  #to = 0;

  constructor(handle: FileHandle, fileBytes: number) {
    this.#handle = handle;
    this.#fileBytes = fileBytes;
    this.#buffer = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(fileBytes, LOOK_BYTES)));
  }

  /** Up to `length` bytes at `position`, fewer at the end of the file. Good until the next call. */
  async at(position: number, length: number): Promise<Uint8Array> {
    const end = Math.min(position + length, this.#fileBytes);
    if (position >= this.#from && end <= this.#to) return this.#buffer.subarray(position - this.#from, end - this.#from);
    if (length > this.#buffer.length) return read(this.#handle, new Uint8Array(length), position);
    this.#from = position;
    this.#to = position + (await read(this.#handle, this.#buffer, position)).length;
    return this.#buffer.subarray(0, Math.min(length, this.#to - position));
  }
}

async function readInit(file: FileWindow, fileBytes: number): Promise<{ init: InitSegment; bytes: number } | null> {
  let offset = 0;
  for (let boxes = 0; boxes < 8; boxes++) {
    const head = await file.at(offset, 16);
    const box = wholeBox(head, offset, fileBytes);
    if (!box || box.size > MAX_HEADER_BYTES) return null;
    offset += box.size;
    if (box.type !== 'moov') continue;
    const init = parseInit((await file.at(offset - box.size, box.size)).slice());
    return init && { init, bytes: offset };
  }
  return null;
}

class Scan {
  readonly #init: InitSegment;
  readonly #start: number;
  readonly #keyframes: { at: number; offset: number }[] = [];
  #anchor: { at: number; pts: number } | null = null;
  #lastPts: number | null = null;
  #end: number;

  constructor(init: InitSegment, start: number) {
    this.#init = init;
    this.#start = start;
    this.#end = start;
  }

  /** Takes `[prft] moof mdat` at `offset`; the offset behind it, or null when it is not there whole. */
  async fragment(file: FileWindow, offset: number, fileBytes: number): Promise<number | null> {
    let bytes = await file.at(offset, LOOK_BYTES);
    let box = wholeBox(bytes, offset, fileBytes);
    if (!box) return null;
    const prft = box.type === 'prft' ? parsePrft(bytes) : null;
    let position = offset;
    if (box.type === 'prft') {
      position += box.size;
      bytes = bytes.subarray(box.size);
      if (bytes.length < 16) bytes = await file.at(position, LOOK_BYTES);
      box = wholeBox(bytes, position, fileBytes);
    }
    if (box?.type !== 'moof' || box.size > MAX_MOOF_BYTES) return null;
    if (bytes.length < box.size + 16) bytes = await file.at(position, box.size + 16);
    const moof = bytes.subarray(0, box.size);
    const dataBox = wholeBox(bytes.subarray(box.size), position + box.size, fileBytes);
    if (dataBox?.type !== 'mdat') return null;
    const samples = parseFragment(moof, this.#init);
    const dataEnd = box.size + dataBox.size;
    if (!samples || samples.some((sample) => sample.offset + sample.bytes > dataEnd)) return null;
    if (!this.#take(samples, prft?.utc ?? null, offset)) return null;
    return position + dataEnd;
  }

  /** False at what our writer does not write: a file that begins without a timed keyframe, or lasts too long. */
  #take(samples: NonNullable<ReturnType<typeof parseFragment>>, utc: number | null, offset: number): boolean {
    for (const sample of samples) {
      if (sample.track.config?.kind !== 'video') continue;
      const { timescale } = sample.track;
      if (sample.key && utc !== null) {
        const last = this.#keyframes.at(-1);
        // The name counts: the writer may have moved a start by a millisecond to find a free one.
        const at = last ? Math.max(Math.round(utc), last.at + 1) : this.#start;
        if (at - this.#start > MAX_SEGMENT_MS) return false;
        this.#keyframes.push({ at, offset });
        this.#anchor = { at, pts: sample.pts };
      }
      if (!this.#anchor) return false;
      const stepMs = this.#lastPts === null ? 0 : (Math.abs(sample.pts - this.#lastPts) / timescale) * 1000;
      const durationMs = (sample.duration / timescale) * 1000 || stepMs || ASSUMED_FRAME_MS;
      const at = this.#anchor.at + ((sample.pts - this.#anchor.pts) / timescale) * 1000;
      const end = Math.round(at + Math.min(durationMs, Math.max(MAX_FRAME_MS, 2 * stepMs)));
      this.#end = Math.min(Math.max(this.#end, end, this.#start + 1), this.#start + MAX_SEGMENT_MS);
      this.#lastPts = sample.pts;
    }
    return true;
  }

  result(bytes: number): ScannedSegment | null {
    const list = this.#keyframes;
    if (list.length === 0) return null;
    return {
      start: utcMs(this.#start),
      end: utcMs(Math.max(this.#end, (list.at(-1)?.at ?? 0) + 1)),
      bytes,
      codec: this.#init.tracks.map((track) => track.config?.codecString ?? track.format).join(','),
      keyframes: list.map(({ at, offset }, i) => ({ at: utcMs(at), offset, bytes: (list[i + 1]?.offset ?? bytes) - offset })),
    };
  }
}

/** The box that `bytes` begin with, if all of it is in the file. Zeros, as a power cut leaves them, are no box. */
function wholeBox(bytes: Uint8Array, offset: number, fileBytes: number): { type: string; size: number } | null {
  if (bytes.length < 8 || (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0)) return null;
  const box = readHeader(bytes, 0);
  if (!box || offset + box.end > fileBytes) return null;
  return { type: readType(bytes, 4), size: box.end };
}

async function read(handle: FileHandle, buffer: Uint8Array, position: number): Promise<Uint8Array> {
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}
