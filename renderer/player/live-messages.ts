import type { CameraId, UtcMs } from '../../electron/contract/model.ts';

/** Where a tile's pictures go: a transferred writable of a track, or a transferred canvas. */
export type SurfaceHandle =
  { readonly kind: 'track'; readonly writable: WritableStream<VideoFrame> } | { readonly kind: 'canvas'; readonly canvas: OffscreenCanvas };

/** Page to worker. `tile` is chosen by the page, unique for its life. */
export type LiveCommand =
  | { readonly live: 'open'; readonly tile: number; readonly camera: CameraId; readonly surface: SurfaceHandle }
  /** Streaming stops while nobody can see it; the surface stays. */
  | { readonly live: 'pause'; readonly tile: number }
  | { readonly live: 'resume'; readonly tile: number }
  | { readonly live: 'close'; readonly tile: number };

export interface LiveStats {
  readonly decoded: number;
  /** Frames left out on this page: not decoded, or decoded and not painted. */
  readonly dropped: number;
  /** Frames the engine left out because this page was slow. */
  readonly droppedByEngine: number;
  readonly errors: number;
}

/** Worker to page. */
export type LiveReport =
  /** Before the first picture: the UTC time of video timestamp 0, by which the page reads the painted time off the <video>. */
  | { readonly live: 'base'; readonly tile: number; readonly base: UtcMs }
  /** The first picture after an open or resume was handed to the surface. */
  | { readonly live: 'started'; readonly tile: number }
  /** A picture was painted on the canvas; a track's pictures are reported by the <video> itself. */
  | { readonly live: 'painted'; readonly tile: number; readonly at: UtcMs }
  /** About each second while open. */
  | { readonly live: 'stats'; readonly tile: number; readonly stats: LiveStats }
  | { readonly live: 'unsupported'; readonly tile: number; readonly text: string }
  /** The engine ended the stream, in its own words; it is opened again by itself. */
  | { readonly live: 'ended'; readonly tile: number; readonly text: string | null };

export function isLiveReport(data: unknown): data is LiveReport {
  return typeof data === 'object' && data !== null && 'live' in data;
}

export function isLiveCommand(data: unknown): data is LiveCommand {
  return typeof data === 'object' && data !== null && 'live' in data;
}
