import { utcMs, type UtcMs } from '../../electron/contract/model.ts';
import type { SurfaceHandle } from './live-messages.ts';

/** The element that shows one live tile, and what its worker needs to paint on it. */
export interface LiveSurface {
  readonly element: HTMLVideoElement | HTMLCanvasElement;
  readonly handle: SurfaceHandle;
  /** The time of timestamp 0, from the worker. */
  setBase(base: UtcMs): void;
  close(): void;
}

/** `onPainted` gets the UTC time of each picture that reached the screen; canvases are reported by their worker instead. */
export function createLiveSurface(onPainted: (at: UtcMs) => void): LiveSurface {
  return typeof MediaStreamTrackGenerator === 'undefined' ? canvasSurface() : videoSurface(onPainted);
}

function videoSurface(onPainted: (at: UtcMs) => void): LiveSurface {
  const video = document.createElement('video');
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  video.disablePictureInPicture = true;
  const track = new MediaStreamTrackGenerator({ kind: 'video' });
  video.srcObject = new MediaStream([track]);
  // Refused only when the element is gone again before it could start.
  video.play().catch(() => {});

  let base: UtcMs | undefined;
  let request = 0;
  const each: VideoFrameRequestCallback = (_now, metadata) => {
    if (base !== undefined) onPainted(utcMs(Math.round(base + metadata.mediaTime * 1000)));
    request = video.requestVideoFrameCallback(each);
  };
  request = video.requestVideoFrameCallback(each);

  return {
    element: video,
    handle: { kind: 'track', writable: track.writable },
    setBase: (value) => (base = value),
    close() {
      video.cancelVideoFrameCallback(request);
      track.stop();
      video.srcObject = null;
    },
  };
}

function canvasSurface(): LiveSurface {
  const canvas = document.createElement('canvas');
  return {
    element: canvas,
    handle: { kind: 'canvas', canvas: canvas.transferControlToOffscreen() },
    setBase: () => {},
    close: () => {},
  };
}
