import type { CameraId, GapReason, UtcMs } from '../../electron/contract/model.ts';

/** Page to worker. `generation` rises with every command that asks for a picture; what belongs to an older one is dropped. */
export type PlaybackCommand =
  | { readonly playback: 'open'; readonly camera: CameraId; readonly canvas: OffscreenCanvas }
  /** `scrub`: the keyframe first, for a picture at once, then the exact one. */
  | { readonly playback: 'seek'; readonly generation: number; readonly at: UtcMs; readonly scrub: boolean }
  /** `frames`: how many pictures forward, or back when negative. Pauses. */
  | { readonly playback: 'step'; readonly generation: number; readonly frames: number }
  | { readonly playback: 'play'; readonly generation: number; readonly rate: number }
  | { readonly playback: 'pause'; readonly generation: number }
  | { readonly playback: 'close' };

/** Worker to page. */
export type PlaybackReport =
  /** `exact`: the asked picture, not only the keyframe before it. */
  | { readonly playback: 'painted'; readonly generation: number; readonly at: UtcMs; readonly exact: boolean }
  /** Nothing is recorded from `from` to `to`; showing goes on at `jumpedTo`, or there is nothing to show. */
  | {
      readonly playback: 'gap';
      readonly generation: number;
      readonly from: UtcMs;
      readonly to: UtcMs;
      readonly reason: GapReason;
      readonly text: string;
      readonly jumpedTo: UtcMs | null;
    }
  /** Playing has reached the newest recording. */
  | { readonly playback: 'present'; readonly generation: number }
  | { readonly playback: 'mode'; readonly generation: number; readonly keyframesOnly: boolean }
  | { readonly playback: 'failed'; readonly generation: number; readonly text: string };

export function isPlaybackReport(data: unknown): data is PlaybackReport {
  return typeof data === 'object' && data !== null && 'playback' in data;
}

export function isPlaybackCommand(data: unknown): data is PlaybackCommand {
  return typeof data === 'object' && data !== null && 'playback' in data;
}
