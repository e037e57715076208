import type { DesktopBridge } from '../electron/contract/bridge.ts';

declare global {
  interface Window {
    /** Only in Electron, given by its preload. */
    readonly keyhole?: DesktopBridge;
  }

  /** Chromium's track whose frames we write (mediacapture-transform, the older form that lives on the main thread). */
  class MediaStreamTrackGenerator extends MediaStreamTrack {
    constructor(init: { kind: 'video' });
    readonly writable: WritableStream<VideoFrame>;
  }
}
