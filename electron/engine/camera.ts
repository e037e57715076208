import type { Clock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import type { SpoolAccess } from '../../peer/session/bulk-client.ts';
import type {
  Camera,
  CameraEvent,
  CameraId,
  PathReport,
  Reason,
  RecordingNow,
  RecordingSettings,
  RecordingTrouble,
  Segment,
  SourceInfo,
  UtcMs,
} from '../contract/model.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { Reception, Source, SourceEvents, SourceStatus } from '../sources/source.ts';
import { CameraStream } from '../stream/camera-stream.ts';
import { pathWords } from './paths/path-words.ts';
import type { OutsideEvent } from './camera-modes.ts';
import type { CameraPaths } from './paths/paths.ts';

/** What is kept of a camera, without its secrets. */
export interface CameraRecord {
  readonly id: CameraId;
  name: string;
  readonly createdAt: UtcMs;
  readonly source: SourceInfo;
  recordingSettings: RecordingSettings;
}

/** What it costs to record a camera around events, for the metrics; counters since the start. */
export interface ModeFigures {
  readonly events: number;
  readonly preRollBytes: number;
  /** Frames that the memory for pre-rolls had no room for. */
  readonly preRollDropped: number;
  /** Null while no detector is needed. */
  readonly detector: { readonly healthy: boolean; readonly pictures: number; readonly dropped: number } | null;
}

/** What a camera needs of its recorder. */
export interface FrameRecorder {
  /** Must not block. */
  push(unit: AccessUnit): void;
  sourceStatus(status: SourceStatus): void;
  /** Footage reaches the disk. */
  readonly recording: boolean;
  /** Why it does not. */
  readonly reason: RecordingTrouble | null;
  /** How it is recorded at this moment. */
  readonly now: RecordingNow;
  readonly figures: ModeFigures;
  /** What is on disk and not in the index yet. */
  segments(): readonly Segment[];
  /** The camera's settings are others now. */
  settingsChanged(): void;
  /** A person wants it recorded, whatever the schedule says: for so many minutes, or (null) until `cancelNow`. */
  recordNow(minutes: number | null): Promise<void>;
  cancelNow(): Promise<void>;
  /** Another system says that something happened. */
  addEvent(event: OutsideEvent): Promise<CameraEvent>;
  close(): Promise<void>;
}

/** Figures (rates, round trip) are told at most this often. */
const FIGURES_MS = 1000;

/** One camera at work: its source feeds its stream and its recorder; whoever listens is told what changed. */
export class CameraAtWork {
  readonly record: CameraRecord;
  readonly stream: CameraStream;
  readonly recorder: FrameRecorder;
  readonly paths: CameraPaths;
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #changed: (camera: Camera) => void;
  #status: SourceStatus = { state: 'connecting', reason: null, path: null };
  #told = '';
  #toldAt = -Infinity;
  #closed = false;

  constructor(options: {
    record: CameraRecord;
    clock: Clock;
    recorder: FrameRecorder;
    paths: CameraPaths;
    source: (events: SourceEvents) => Source;
    changed: (camera: Camera) => void;
  }) {
    this.record = options.record;
    this.#clock = options.clock;
    this.#changed = options.changed;
    this.recorder = options.recorder;
    this.paths = options.paths;
    this.stream = new CameraStream(options.clock);
    this.#source = options.source({ unit: (unit) => this.#unit(unit), status: (status) => this.#statusChanged(status) });
  }

  start(): void {
    this.#source.start();
  }

  /** To be called when the name or the recorder's state changed. */
  touch(): void {
    this.#tell();
  }

  /** The computer woke, or the network came back: look at once instead of waiting. */
  retryNow(): void {
    this.#source.retryNow?.();
  }

  /** What the camera keeps for who was away, as it can be read now. */
  spool(): SpoolAccess | null {
    return this.#closed ? null : (this.#source.spool?.() ?? null);
  }

  /** How well its packets come; null where somebody else sees to that. */
  get reception(): Reception | null {
    return this.#status.reception ?? null;
  }

  snapshot(): Camera {
    const { video, audio, lastVideo } = this.stream;
    const { state, reason, path, quality } = this.#status;
    const live = state === 'live';
    const { recording, reason: notRecording } = this.recorder;
    return {
      ...this.record,
      state,
      reason: live ? null : (reason ?? CONNECTING),
      path: live ? path : null,
      video: video && {
        codec: video.codec,
        codecString: video.codecString,
        width: video.width,
        height: video.height,
        ...this.stream.rate,
      },
      audio: audio && { codec: audio.codec, sampleRate: audio.sampleRate, channels: audio.channels },
      lastFrameAt: lastVideo && utcMs(Math.round(lastVideo.utc)),
      recording,
      recordingNow: this.recorder.now,
      recordingReason: notRecording && { reason: notRecording.reason, text: notRecording.text, since: notRecording.since },
      quality: (live && quality) || null,
      relay: this.paths.relay.policy,
    };
  }

  /** Its way, also while no pictures come by it. */
  async path(punching: boolean): Promise<PathReport> {
    const history = await this.paths.history();
    const { path, reason, report, state } = this.#status;
    const mine = report?.mine ?? null;
    const theirs = report?.theirs ?? null;
    const words = report?.why ? report : pathWords({ path, reason: state === 'live' ? null : reason, mine, theirs, punching });
    return {
      path,
      history,
      pairs: report?.pairs ?? [],
      attempts: report?.attempts ?? [],
      mine,
      theirs,
      kbps: report?.kbps ?? (this.stream.video ? this.stream.rate.kbps : null),
      relayedBytesMonth: this.paths.relay.bytes,
      relay: this.paths.relay.policy,
      why: words.why,
      advice: words.advice,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#source.close();
    this.stream.close();
    await this.recorder.close();
    await this.paths.close();
  }

  #unit(unit: AccessUnit): void {
    if (this.#closed) return;
    this.stream.push(unit);
    this.recorder.push(unit);
    if (this.#clock.monotonic() - this.#toldAt >= FIGURES_MS) this.#tell();
  }

  #statusChanged(status: SourceStatus): void {
    if (this.#closed) return;
    const was = this.#status.state;
    this.#status = status;
    if (was === 'live' && status.state !== 'live') this.stream.interrupted();
    this.recorder.sourceStatus(status);
    this.paths.status(status);
    const figuresOnly = was === status.state && status.state === 'live';
    if (!figuresOnly || this.#clock.monotonic() - this.#toldAt >= FIGURES_MS) this.#tell();
  }

  #tell(): void {
    if (this.#closed) return;
    const camera = this.snapshot();
    const text = JSON.stringify(camera);
    // Also when nothing changed: else every frame would look again.
    this.#toldAt = this.#clock.monotonic();
    if (text === this.#told) return;
    this.#told = text;
    this.#changed(camera);
  }
}

const CONNECTING: Reason = { code: 'session-lost', text: 'Connecting to the camera…' };
