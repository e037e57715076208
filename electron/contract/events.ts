import type { Camera, CameraEvent, CameraId, NatReport, NatSettings, StorageCondition, UtcMs } from './model.ts';

/** State that changed, told to everybody who listens. Broadcasts inform; they never command. */
export type Broadcast =
  | { readonly kind: 'camera.changed'; readonly camera: Camera }
  | { readonly kind: 'camera.removed'; readonly id: CameraId }
  /** Footage became playable up to `to`: at least at every closed segment, about each second while one is open. */
  | { readonly kind: 'recording.added'; readonly camera: CameraId; readonly from: UtcMs; readonly to: UtcMs }
  | { readonly kind: 'event.started' | 'event.ended'; readonly event: CameraEvent }
  /** Footage is gone: deleted, or its file is lost. */
  | { readonly kind: 'recording.removed'; readonly camera: CameraId; readonly from: UtcMs; readonly to: UtcMs }
  | { readonly kind: 'nat.changed'; readonly report: NatReport | null }
  | { readonly kind: 'nat.configured'; readonly settings: NatSettings }
  /** The condition of a storage folder changed: all of them, as they are now. */
  | { readonly kind: 'storage.changed'; readonly folders: readonly StorageCondition[] }
  | { readonly kind: 'notice'; readonly text: string };
