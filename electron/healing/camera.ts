import type { CameraId, Gap, RecordingSettings, Span, UtcMs } from '../contract/model.ts';
import type { SpoolAccess } from '../../peer/session/bulk-client.ts';
import type { CameraKey } from '../segment/segment.ts';

/** What healing needs of a camera. */
export interface HealableCamera {
  readonly id: CameraId;
  readonly key: CameraKey;
  readonly name: string;
  readonly createdAt: UtcMs;
  settings(): RecordingSettings;
  /** Its spool, over the session that there is now; null: it has none, or cannot be reached. */
  spool(): SpoolAccess | null;
  /** Whether what was missed may be fetched through a relay, as much as it takes. */
  mayRelay(): boolean;
  /** What is not recorded of [from, to), and why. */
  gaps(range: Span): Promise<readonly Gap[]>;
  /** Footage was added. */
  added(span: Span): void;
}
