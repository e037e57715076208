import type { SpoolAccess } from '../../peer/session/bulk-client.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { CameraPath, CameraQuality, CameraState, Reason, SourcePathReport } from '../contract/model.ts';

/** How well the packets of a camera come, that are not sent anew by whatever carries them. Counted since the source was started. */
export interface Reception {
  /** How long frames are held back now, to wait for packets that are missing, ms; 0 while all come in order. */
  readonly delayMs: number;
  /** Packets that were given up, after repair. */
  readonly lostPackets: number;
  /** Packets that came when they had been given up. */
  readonly latePackets: number;
  /** Times that one or more frames were lost for good. */
  readonly damagedFrames: number;
}

export interface SourceStatus {
  readonly state: CameraState;
  /** Null only when live. */
  readonly reason: Reason | null;
  readonly path: CameraPath | null;
  /** How it came to this path; a source without P2P has nothing to say. */
  readonly report?: SourcePathReport | null;
  readonly quality?: CameraQuality | null;
  readonly reception?: Reception | null;
}

/** How a camera is reached. It connects and reconnects by itself until closed: Backoff, capped at 30 s, reset once media flows. */
export interface Source {
  start(): void;
  /** The computer woke or the network came back: a source that waits for its next attempt, or trusts an old session, looks at once. */
  retryNow?(): void;
  /** What the camera keeps for who was away, as it can be read now; null: nothing, or not now. */
  spool?(): SpoolAccess | null;
  /** Idempotent; after it resolves nothing is emitted any more. */
  close(): Promise<void>;
}

export interface SourceEvents {
  /** Called for each frame, video and audio in the order of arrival. Must not block. */
  unit(unit: AccessUnit): void;
  /** Called when any part of the status changed; path figures (RTT, loss) about each second. */
  status(status: SourceStatus): void;
}
