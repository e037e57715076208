import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError } from '../../electron/base/errors.ts';
import type { Reason } from '../../electron/contract/model.ts';
import { FfmpegFeed, type FeedState } from '../../electron/ffmpeg/feed.ts';
import type { AccessUnit, TrackConfig } from '../../electron/media/access-unit.ts';
import { devicePlan } from './device.ts';
import { filePlan } from './file.ts';
import type { InputContext, InputPlan } from './plan.ts';
import { rtspPlan } from './rtsp.ts';
import { testPlan } from './generated.ts';
import { transcodedPlan } from './transcoded.ts';

export interface InputStatus {
  readonly state: FeedState;
  /** Null when live, and while it is being opened for the first time. */
  readonly reason: Reason | null;
}

/** What the camera peer publishes: H.264 video, and Opus audio where there is some. It opens the source again by itself. */
export interface CameraInput {
  start(): void;
  /** Idempotent; after it resolves nothing is emitted any more. */
  close(): Promise<void>;
  readonly units: Emitter<AccessUnit>;
  /** The first one that is not `connecting` comes within seconds, and at once for a file that is not there. */
  readonly status: Emitter<InputStatus>;
  /** Of the tracks, video first; empty before the first frame. */
  readonly configs: readonly TrackConfig[];
}

/**
 * `rtsp://…`, `/dev/video0`, `test:` with options in a query, or else the path of a video file.
 * @throws CodedError `bad-request` when it cannot be any of these
 */
export function createInput(source: string, context: InputContext): CameraInput {
  return inputOf(planFor(source, context), context);
}

/**
 * A small picture beside `main`: any of the above, or `transcode:`, which makes it of the main one.
 * @throws CodedError `bad-request`
 */
export function createSubInput(source: string, main: Pick<CameraInput, 'units'>, context: InputContext): CameraInput {
  return inputOf(/^transcode:/i.test(source) ? transcodedPlan(source, main.units) : planFor(source, context), context);
}

function inputOf({ name, plan }: InputPlan, context: InputContext): CameraInput {
  const units = new Emitter<AccessUnit>();
  const status = new Emitter<InputStatus>();
  const feed = new FfmpegFeed({
    name,
    plan,
    ...context,
    onUnit: (unit) => units.emit(unit),
    onStatus: (state, reason) => status.emit({ state, reason }),
  });
  return {
    start: () => feed.start(),
    close: () => feed.close(),
    units,
    status,
    get configs() {
      return feed.configs;
    },
  };
}

function planFor(source: string, context: InputContext): InputPlan {
  if (/^rtsps?:\/\//i.test(source)) return rtspPlan(source, context);
  if (/^test:/i.test(source)) return testPlan(source, context);
  if (source.startsWith('/dev/')) return devicePlan(source, context);
  if (source === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(source)) {
    throw new CodedError('bad-request', 'This is no source Keyhole knows: give an rtsp:// address, a video file, /dev/video0 or test:.');
  }
  return filePlan(source, context);
}
