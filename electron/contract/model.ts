/** What the page, the HTTP interface and the engine speak of. Times are UTC milliseconds (whole numbers) unless said. */

export { type UtcMs, utcMs } from '../base/units.ts';
import type { UtcMs } from '../base/units.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { CameraPath, CameraQuality, Reason, RelayPolicy } from './connection.ts';
import type { RecordingNow } from './camera-event.ts';
import type { FolderKey, RecordingSettings, SegmentOrigin } from './recording.ts';

export type * from './connection.ts';
export * from './camera-event.ts';
export type * from './healing.ts';
export * from './recording.ts';
export type * from './storage.ts';

/** Short, stable, safe in paths and URLs: `cam-` and 8 characters of base32. */
export type CameraId = string;

export type CameraState = 'live' | 'connecting' | 'offline';

export interface VideoInfo {
  readonly codec: 'h264' | 'h265';
  /** RFC 6381 codec string, `avc1.640028`. */
  readonly codecString: string;
  readonly width: number;
  readonly height: number;
  /** Measured over the last seconds. */
  readonly fps: number;
  readonly kbps: number;
}

export interface AudioInfo {
  readonly codec: 'opus' | 'aac' | 'pcm_mulaw' | 'pcm_alaw';
  readonly sampleRate: number;
  readonly channels: number;
}

/** What is shown of a camera's source. Secrets (passwords, keys) never leave the engine. */
export type SourceInfo =
  | { readonly kind: 'p2p'; readonly fingerprint: string; readonly rendezvous: readonly string[] }
  | { readonly kind: 'rtsp'; readonly url: string; readonly hasPassword: boolean };

export interface Camera {
  readonly id: CameraId;
  readonly name: string;
  readonly source: SourceInfo;
  readonly state: CameraState;
  /** Set whenever `state` is not `live`. */
  readonly reason: Reason | null;
  readonly path: CameraPath | null;
  readonly video: VideoInfo | null;
  readonly audio: AudioInfo | null;
  readonly lastFrameAt: UtcMs | null;
  /** True while footage reaches the disk. */
  readonly recording: boolean;
  /** Why it is not recording, if it should be. */
  readonly recordingReason: RecordingTrouble | null;
  /** What the camera sends of itself: null where it does not say. */
  readonly quality: CameraQuality | null;
  /** Whether its video may go through a relay. */
  readonly relay: RelayPolicy;
  /** When, how and for how long it is recorded. */
  readonly recordingSettings: RecordingSettings;
  /** What that means at this moment. */
  readonly recordingNow: RecordingNow;
  readonly createdAt: UtcMs;
}

/** What `cameras.add` takes. */
export type NewSource =
  | { readonly kind: 'p2p'; readonly invite: string }
  | { readonly kind: 'rtsp'; readonly url: string; readonly username?: string | undefined; readonly password?: string | undefined };

export interface Span {
  readonly from: UtcMs;
  readonly to: UtcMs;
}

/** Why nothing was recorded. The error codes say what failed; the others are not failures. */
export type GapReason =
  | ErrorCode
  | 'not-added-yet'
  | 'app-not-running'
  | 'asleep'
  | 'connecting'
  | 'recorder-stopped'
  | 'schedule'
  | 'no-event'
  | 'clock-set'
  | 'format-changed'
  | 'file-lost'
  | 'index-lost'
  | 'index-rebuilding'
  | 'deleted-by-retention'
  | 'deleted-by-person'
  | 'future'
  | 'unknown';

/** Why nothing is recorded, with one sentence for people. */
export interface GapCause {
  readonly reason: GapReason;
  readonly text: string;
}

/** Why a camera does not record at the moment. */
export interface RecordingTrouble extends GapCause {
  /** Since when nothing is recorded that should be, whatever the reasons were. */
  readonly since: UtcMs;
}

export interface Gap extends Span, GapCause {}

/** `spans` and `gaps` together tile the asked range exactly, in order, without overlap. */
export interface Recordings {
  readonly spans: readonly Span[];
  readonly gaps: readonly Gap[];
  /** What of the spans was fetched later, from the camera's spool. */
  readonly healed: readonly Span[];
  /** Share of the range that is recorded, 0..1; the future is left out. 0 for an empty range. */
  readonly coverage: number;
}

/** What was deleted of a range, or would be: whole segments, so that it reaches farther than was asked for. Empty where there was nothing. */
export interface DeletedRange extends Span {
  readonly segments: number;
  readonly bytes: number;
}

export interface Keyframe {
  readonly at: UtcMs;
  /** Byte offset in the file of the fragment that begins with this keyframe. */
  readonly offset: number;
  /** Bytes up to the next keyframe's fragment, or to the end of the segment. */
  readonly bytes: number;
}

export interface Segment {
  /** `CAMERA/START`, unique. */
  readonly id: string;
  readonly camera: CameraId;
  readonly start: UtcMs;
  readonly end: UtcMs;
  readonly bytes: number;
  /** Path relative to its storage folder; of folder 0, to the data folder. */
  readonly file: string;
  /** The storage folder that holds it; null: only the archive does. */
  readonly folder: FolderKey | null;
  readonly origin: SegmentOrigin;
  /** A copy is in the archive. */
  readonly archived: boolean;
  readonly codec: string;
  /** Still being written; `end` and `bytes` are those reached so far. */
  readonly open: boolean;
  readonly keyframes: readonly Keyframe[];
}

/** `buckets` equal slices of the range, per camera. */
export interface TimelineCoverage {
  readonly camera: CameraId;
  /** Share recorded, 0..1. */
  readonly coverage: readonly number[];
  /** How many events reach into each slice. */
  readonly events: readonly number[];
}

export interface DecoderConfig {
  readonly codecString: string;
  /** avcC / hvcC / AudioSpecificConfig, base64; empty when the codec needs none. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
}

/** One group of pictures, from a keyframe up to the next. The bytes come beside it: the frames' data, one after another. */
export interface Gop {
  readonly kind: 'gop';
  readonly from: UtcMs;
  /** Start of the next group in this or the next segment, or the end of what is recorded here. */
  readonly to: UtcMs;
  readonly config: DecoderConfig;
  /** In decoding order. `at` is the presentation time. */
  readonly frames: readonly { readonly at: UtcMs; readonly key: boolean; readonly bytes: number }[];
}

/** Nothing recorded at the asked time. */
export interface GopGap extends Gap {
  readonly kind: 'gap';
  /** Nearest recorded times, if there are any. */
  readonly previous: UtcMs | null;
  readonly next: UtcMs | null;
}

export interface AppInfo {
  readonly version: string;
  readonly host: 'electron' | 'browser';
  readonly dataDir: string;
  readonly ffmpeg: { readonly path: string; readonly version: string } | null;
  /** Free and total bytes of the disk that holds the recordings. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** Things the user should know: how secrets are kept, an old ffmpeg, a repaired index. */
  readonly notices: readonly string[];
  /** The app's own identity, for comparing by eye. */
  readonly fingerprint: string;
  /** IANA name of the zone of the computer that records: schedules are by its clock. */
  readonly timeZone: string;
}
