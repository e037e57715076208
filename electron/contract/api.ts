import type {
  AppInfo,
  Camera,
  CameraEvent,
  CameraId,
  CameraUsage,
  DayCoverage,
  DecoderConfig,
  FolderKey,
  DeletedRange,
  Gop,
  GopGap,
  HandOffer,
  HealingStatus,
  NatReport,
  NatSettings,
  NewSource,
  PathReport,
  ProtectedKind,
  ProtectedRange,
  PunchSettings,
  RecordingChanges,
  Recordings,
  RelayPolicy,
  Segment,
  StorageFloor,
  StorageFolderInfo,
  TimelineCoverage,
  UtcMs,
} from './model.ts';
import type { ArchiveChanges, ArchiveRecovery, ArchiveSettings, ArchiveStatus, ArchiveTest, NewArchiveTarget } from './archive.ts';
import type { Broadcast } from './events.ts';
import type { ExportPlan } from './export.ts';

/** A reply with bytes beside the value. */
export interface WithBytes<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
}

interface Range {
  readonly from: UtcMs;
  readonly to: UtcMs;
}

/** Questions and commands: name -> (argument) => reply. The one list of what the engine can be asked. */
export interface Calls {
  'app.info': (args: Record<string, never>) => AppInfo;
  'cameras.list': (args: Record<string, never>) => readonly Camera[];
  'cameras.get': (args: { id: CameraId }) => Camera;
  /** Errors: the invite's (`invite-*`), `rendezvous-unreachable`, `peer-absent`, `bad-request`, `conflict` when it is there already. */
  'cameras.add': (args: { name?: string | undefined; source: NewSource }) => Camera;
  'cameras.update': (args: {
    id: CameraId;
    name?: string | undefined;
    relay?: RelayPolicy | undefined;
    recording?: RecordingChanges | undefined;
  }) => Camera;
  'cameras.remove': (args: { id: CameraId; deleteRecordings: boolean }) => null;
  /** By which way the camera is reached, and why; for those who look at it, about once a second. */
  'cameras.path': (args: { id: CameraId }) => PathReport;
  /** Pairing without any server: a text for the camera's side, who answers with another. Errors: `invite-*`, `not-supported`. */
  'cameras.offerByHand': (args: { invite: string }) => HandOffer;
  /** The camera's answer to that offer. Errors: `answer-wrong`, `not-found` for a ticket that is over, `ice-failed`, `conflict`. */
  'cameras.answerByHand': (args: { ticket: string; answer: string; name?: string | undefined }) => Camera;
  /** What is known of the NAT this machine is behind; null until somebody has looked. */
  'nat.report': (args: Record<string, never>) => NatReport | null;
  /** Looks again, which takes some seconds. */
  'nat.refresh': (args: Record<string, never>) => NatReport | null;
  'nat.settings': (args: Record<string, never>) => NatSettings;
  /** What is not named stays as it is. */
  'nat.configure': (args: { punch?: PunchSettings | undefined; portMapping?: boolean | undefined }) => NatSettings;
  'archive.settings': (args: Record<string, never>) => ArchiveSettings;
  /** A new target is tried first. Errors: `bad-request`, `conflict`, `archive-unreachable`, `archive-refused`. */
  'archive.configure': (args: ArchiveChanges) => ArchiveSettings;
  /** Writes, reads and deletes a small object: there, or in the archive in use. Errors: those of `archive.configure`. */
  'archive.test': (args: { target?: NewArchiveTarget | undefined }) => ArchiveTest;
  'archive.status': (args: Record<string, never>) => ArchiveStatus;
  /** A secret: for the eyes of who uses the app. Errors: `bad-request` where there is no archive. */
  'archive.recovery': (args: Record<string, never>) => ArchiveRecovery;
  /** Begins to make the index know all that the archive has; the status tells how far it is. Errors: `bad-request`. */
  'archive.restore': (args: Record<string, never>) => ArchiveStatus;
  'recordings.query': (args: Range & { camera: CameraId }) => Recordings;
  /**
   * A person deletes the recordings of a range: every segment that holds any of it goes whole, but not the one being written. `dryRun`: only
   * says what would go. Errors: `conflict` where something in it is protected.
   */
  'recordings.delete': (args: Range & { camera: CameraId; dryRun?: boolean | undefined }) => DeletedRange;
  /** The last days (1..366) by the calendar of the time zone (IANA name), the oldest first. Errors: `bad-request` for an unknown time zone. */
  'coverage.days': (args: { camera: CameraId; days: number; timeZone: string }) => readonly DayCoverage[];
  /** How what outages left out is fetched from the camera's spool. */
  'healing.status': (args: { camera: CameraId }) => HealingStatus;
  'recordings.segments': (args: Range & { camera: CameraId }) => readonly Segment[];
  /** What an export of the range would be: one file for each format the camera had. Errors: `bad-request` for more than 7 days. */
  'recordings.exportPlan': (args: Range & { camera: CameraId }) => ExportPlan;
  /** Records whatever the schedule says, with the pre-roll where there is one: for so many minutes (1..1440), or until it is cancelled. */
  'recording.now': (args: { camera: CameraId; minutes: number | null }) => Camera;
  'recording.cancelNow': (args: { camera: CameraId }) => Camera;
  /** Those that reach into the range, in the order of their start; at most `limit` (1..1000, default 500). All cameras when none is named. */
  'events.query': (
    args: Range & {
      camera?: CameraId | undefined;
      kind?: string | undefined;
      limit?: number | undefined;
    },
  ) => readonly CameraEvent[];
  /**
   * Another system saw something: it is kept, and recorded around where the schedule says `events`. `at`: now when left out, at most an hour
   * in the future. `until` or `durationS` (1..3600) say how long it lasts; neither: a moment.
   */
  'events.add': (args: {
    camera: CameraId;
    kind: string;
    at?: UtcMs | undefined;
    until?: UtcMs | undefined;
    durationS?: number | undefined;
    score?: number | undefined;
    text?: string | undefined;
  }) => CameraEvent;
  'timeline.query': (args: Range & { cameras: readonly CameraId[]; buckets: number }) => readonly TimelineCoverage[];
  /** The group of pictures that holds `at`, or the gap there. */
  'playback.gop': (args: { camera: CameraId; at: UtcMs }) => WithBytes<Gop | GopGap>;
  /** The picture at that time, or the newest, as JPEG. Errors: `not-found` where nothing is recorded, `too-busy`. */
  'playback.jpeg': (args: { camera: CameraId; at: UtcMs | 'now' }) => WithBytes<null>;
  /** Where recordings are kept, and how that is just now. */
  'storage.folders': (args: Record<string, never>) => readonly StorageFolderInfo[];
  /** Errors: `bad-request`, `not-found`, `conflict` (inside another one, another Keyhole's), `data-unwritable`. */
  'storage.addFolder': (args: { path: string }) => StorageFolderInfo;
  /** Its files stay. `forget`: so do not its recordings' places in the index. Errors: `not-found`, `bad-request`, `conflict`. */
  'storage.removeFolder': (args: { key: FolderKey; forget?: boolean | undefined }) => null;
  'storage.settings': (args: Record<string, never>) => { readonly floor: StorageFloor | null };
  'storage.configure': (args: { floor: StorageFloor | null }) => { readonly floor: StorageFloor | null };
  /** What each camera keeps and writes. */
  'storage.usage': (args: Record<string, never>) => readonly CameraUsage[];
  /** Errors: `not-found`, `bad-request`, `conflict` when there are too many. */
  'protected.add': (args: {
    camera: CameraId;
    from: UtcMs;
    to: UtcMs;
    until?: UtcMs | null | undefined;
    kind?: ProtectedKind | undefined;
    text?: string | undefined;
  }) => ProtectedRange;
  'protected.list': (args: {
    camera?: CameraId | undefined;
    from?: UtcMs | undefined;
    to?: UtcMs | undefined;
  }) => readonly ProtectedRange[];
  'protected.remove': (args: { key: number }) => null;
  /** Prometheus text. */
  'metrics': (args: Record<string, never>) => string;
}

/** One item of a live stream. A `config` comes before the first frame and whenever it changes. */
export type LiveItem =
  | { readonly kind: 'config'; readonly config: DecoderConfig }
  /** The bytes beside it are the frame, AVCC. `dropped`: frames left out since the last one because the reader was slow. */
  | { readonly kind: 'frame'; readonly at: UtcMs; readonly key: boolean; readonly dropped: number };

/** Streams of items: name -> argument and item. The reader grants credits; without credit nothing is sent. */
export interface Streams {
  events: { args: Record<string, never>; item: Broadcast };
  /** Encoded video of one camera, from the last keyframe on. */
  live: { args: { camera: CameraId }; item: LiveItem };
  /**
   * One playable MP4 of the range; each item carries a piece of it as bytes. `proof`: it ends with what proves that it is what was recorded.
   * `part`: which of how many files of an export it is.
   */
  clip: {
    args: Range & {
      camera: CameraId;
      proof?: boolean | undefined;
      part?: { readonly number: number; readonly of: number } | undefined;
    };
    item: { readonly kind: 'chunk' };
  };
}

export type CallName = keyof Calls;
export type StreamName = keyof Streams;
export type CallArgs<N extends CallName> = Parameters<Calls[N]>[0];
/** With bytes where the contract says so. */
export type CallReply<N extends CallName> = ReturnType<Calls[N]>;
