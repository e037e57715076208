import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { WithBytes } from '../contract/api.ts';
import type { ExportPart } from '../contract/export.ts';
import type {
  CameraId,
  DayCoverage,
  Gop,
  GopGap,
  Recordings as RecordingsAnswer,
  Segment,
  Span,
  TimelineCoverage,
  UtcMs,
} from '../contract/model.ts';
import type { Log } from '../base/log.ts';
import type { Storage } from '../storage/client.ts';
import { clip, partsOfOneFormat, type ClipWitness } from './clip.ts';
import { Footage, type UnlistedSegments } from './footage.ts';
import { GopReader } from './gop.ts';
import { frameJpeg } from './jpeg.ts';
import { Recordings, type Tiled } from './recordings.ts';
import type { FolderRoots } from '../segment/segment.ts';
import { SegmentReader, type RemoteSegments } from './segment-reader.ts';

export interface PlaybackOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly folders: FolderRoots;
  /** Reads what only the archive has. */
  readonly remote?: RemoteSegments | null;
  readonly clock: Clock;
  /** The segments of this camera's recorder, `recorder.segments()`; none when it is not recorded. */
  readonly unlisted: UnlistedSegments;
  readonly log?: Log;
  /** While the index is being rebuilt: footage before this time may not be listed yet. */
  readonly unlistedBefore?: (camera: CameraId) => UtcMs | null;
}

/** Decoders that make pictures at the same time; more are refused rather than queued. */
const MAX_JPEGS = 4;

type CameraRange = Span & { readonly camera: CameraId };

/** Everything that is asked of recordings. All calls fail with `not-found` for a camera that never was. */
export class Playback {
  readonly #footage: Footage;
  readonly #reader: SegmentReader;
  readonly #recordings: Recordings;
  readonly #gops: GopReader;
  readonly #options: PlaybackOptions;
  #jpegs = 0;

  constructor(options: PlaybackOptions) {
    this.#options = options;
    this.#footage = new Footage(options.storage, options.unlisted);
    this.#reader = new SegmentReader(options.folders, options.remote ?? null);
    this.#recordings = new Recordings(options.storage, this.#footage, options.clock, options.unlistedBefore);
    this.#gops = new GopReader(this.#footage, this.#recordings, this.#reader);
  }

  get stats(): Readonly<Record<'reads' | 'bytes' | 'headers', number>> {
    return this.#reader.counters;
  }

  gop(args: { camera: CameraId; at: UtcMs }): Promise<WithBytes<Gop | GopGap>> {
    return this.#gops.gop(args);
  }

  recordings(args: CameraRange): Promise<RecordingsAnswer> {
    return this.#recordings.query(args);
  }

  /** At most 10 000, from the oldest on. */
  async segments({ camera, from, to }: CameraRange): Promise<readonly Segment[]> {
    return this.#footage.segments(await this.#footage.camera(camera), from, to, 10_000);
  }

  timeline(args: Span & { cameras: readonly CameraId[]; buckets: number }): Promise<TimelineCoverage[]> {
    return this.#recordings.timeline(args);
  }

  /** For sums: the range tiled by what is recorded and why the rest is not. */
  async tile({ camera, from, to }: CameraRange): Promise<Tiled> {
    return this.#recordings.tile(await this.#footage.camera(camera), from, to);
  }

  /** What of each of the last calendar days is recorded. Errors: `not-found`, `bad-request` for a time zone that nobody knows. */
  days(args: { camera: CameraId; days: number; timeZone: string }): Promise<DayCoverage[]> {
    return this.#recordings.days(args);
  }

  /** Pieces of one playable MP4; see clip.ts. Errors before the first piece: `not-found` when nothing is recorded there, `conflict`. */
  clip(args: CameraRange, witness?: ClipWitness): AsyncIterable<Uint8Array> {
    return clip({ ...args, footage: this.#footage, reader: this.#reader, witness });
  }

  /** The range in parts, each of which can be one clip. Errors: `not-found`, `bad-request` for more than 7 days. */
  clipParts(args: CameraRange): Promise<ExportPart[]> {
    return partsOfOneFormat({ ...args, footage: this.#footage, reader: this.#reader });
  }

  /** The picture at `at`, or the newest. Errors: `not-found`, `too-busy`, `ffmpeg-missing`, `ffmpeg-failed`. */
  async frameJpeg(args: { camera: CameraId; at: UtcMs | 'now' }): Promise<Uint8Array> {
    if (this.#jpegs >= MAX_JPEGS)
      throw new CodedError('too-busy', 'Too many pictures are asked for at the same time: try again in a moment.');
    this.#jpegs += 1;
    try {
      const { clock, log } = this.#options;
      return await frameJpeg({ footage: this.#footage, reader: this.#reader, clock, log }, args);
    } finally {
      this.#jpegs -= 1;
    }
  }
}
