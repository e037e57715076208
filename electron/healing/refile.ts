import { open, type FileHandle } from 'node:fs/promises';
import { CodedError } from '../base/errors.ts';
import { utcMs } from '../base/units.ts';
import { boxesIn } from '../media/fmp4/boxes.ts';
import { parseFragment, setBaseDecodeTime, type FragmentSample } from '../media/fmp4/fragment.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import { buildPrft } from '../media/fmp4/prft.ts';
import type { CutEvent } from '../segment/segment-cutter.ts';
import { scanSegment, type ScannedSegment } from '../segment/segment-scan.ts';

/** A group of pictures is read at once: a larger one is no camera's. */
const MAX_GROUP_BYTES = 64 * 1024 * 1024;
/** What a list says of a file and what is in it may differ by so much, milliseconds. */
const TOLERANCE_MS = 2_000;

/** A group of pictures of a file, by the app's clock. */
export interface Group {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A file of a spool that was fetched and verified, read as groups of pictures; what it holds is the camera's word all the same. */
export class FetchedFile {
  readonly groups: readonly Group[];
  readonly #file: FileHandle;
  readonly #init: { readonly bytes: Uint8Array; readonly parsed: InitSegment };
  readonly #codec: string;

  private constructor(file: FileHandle, init: { bytes: Uint8Array; parsed: InitSegment }, segment: ScannedSegment, shiftMs: number) {
    this.#file = file;
    this.#init = init;
    this.#codec = segment.codec;
    this.groups = segment.keyframes.map(({ at, offset, bytes }, index) => ({
      from: at + shiftMs,
      to: (segment.keyframes[index + 1]?.at ?? segment.end) + shiftMs,
      offset,
      bytes,
    }));
  }

  /**
   * @param key the start that the file has by its name
   * @param lengthMs what the list says
   * @param shiftMs from its own times to the app's
   * @throws CodedError `protocol-error` when it is not what a spool writes
   */
  static async open(path: string, { key, lengthMs, shiftMs }: { key: number; lengthMs: number; shiftMs: number }): Promise<FetchedFile> {
    const { segment, wholeBytes, fileBytes } = await scanSegment(path, key);
    if (!segment || wholeBytes !== fileBytes) throw senseless('it is no whole recording');
    if (Math.abs(segment.end - segment.start - lengthMs) > TOLERANCE_MS) throw senseless('it is not as long as the camera said');
    if (segment.keyframes.some(({ bytes }) => bytes > MAX_GROUP_BYTES)) throw senseless('a group of its pictures is too large');
    const file = await open(path, 'r');
    try {
      const bytes = await readAt(file, 0, segment.keyframes[0]?.offset ?? 0);
      const parsed = parseInit(bytes);
      if (!parsed) throw senseless('its header cannot be read');
      return new FetchedFile(file, { bytes, parsed }, segment, shiftMs);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Groups that follow each other, as the cutter would give them: times in the file from 0, the wall clock before each keyframe.
   * @param moveMs to be added to the groups' times
   */
  async *events(groups: readonly Group[], moveMs: number): AsyncGenerator<CutEvent[]> {
    const [first] = groups;
    const last = groups.at(-1);
    if (!first || !last) return;
    const at = (time: number) => utcMs(Math.round(time + moveMs));
    yield [{ kind: 'begin', start: at(first.from), init: this.#init.bytes, codec: this.#codec, cause: null }];
    let base: number | null = null;
    for (const group of groups) {
      const events: CutEvent[] = [];
      let isFirst = true;
      for (const { bytes, sample } of this.#fragments(await readAt(this.#file, group.offset, group.bytes))) {
        const { timescale, id, config } = sample.track;
        const isVideo = config?.kind === 'video';
        if (base === null && isVideo) base = sample.dts / timescale;
        // Sound that belongs to the picture before the first one.
        const time = base === null ? -1 : sample.dts - Math.round(base * timescale);
        if (time < 0) continue;
        if (!setBaseDecodeTime(bytes, time)) throw senseless('a fragment of it has no time');
        const begins = isFirst && isVideo && sample.key;
        if (begins) isFirst = false;
        const prft = begins ? [buildPrft({ trackId: id, utc: at(group.from), mediaTime: time })] : [];
        events.push({ kind: 'data', parts: [...prft, bytes], keyframe: begins ? at(group.from) : null, end: at(group.to) });
      }
      if (isFirst) throw senseless('a group of its pictures has no beginning');
      yield events;
    }
    yield [{ kind: 'end', end: at(last.to) }];
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** `moof` and `mdat` of each fragment, without the `prft` before. */
  *#fragments(group: Uint8Array): Generator<{ bytes: Uint8Array; sample: FragmentSample }> {
    let moof: number | null = null;
    for (let offset = 0; offset < group.length;) {
      const box = boxesIn(group, offset).next().value;
      if (!box) throw senseless('it is cut off');
      offset = box.end;
      if (box.type === 'moof') moof = box.start;
      else if (box.type === 'mdat' && moof !== null) {
        const bytes = group.subarray(moof, box.end);
        const sample = parseFragment(bytes, this.#init.parsed)?.[0];
        if (!sample) throw senseless('a fragment of it cannot be read');
        moof = null;
        yield { bytes, sample };
      }
    }
  }
}

function senseless(why: string): CodedError {
  return new CodedError('protocol-error', `A file of the camera’s spool cannot be used: ${why}.`);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw senseless('it is cut off');
  return buffer;
}
