import type { Camera, CameraPath } from '../../electron/contract/model.ts';

/** How the camera is reached, in a word. */
export function pathWord(path: CameraPath): 'Direct' | 'Relayed' | 'RTSP' {
  if (path.kind === 'relay') return 'Relayed';
  return path.kind === 'rtsp' ? 'RTSP' : 'Direct';
}

/** `Direct · 3 ms`. */
export function pathLabel(path: CameraPath): string {
  return path.rttMs === null ? pathWord(path) : `${pathWord(path)} · ${Math.round(path.rttMs)} ms`;
}

const PATH_KINDS = {
  host: 'Direct, in the same network',
  srflx: 'Direct, through both routers',
  prflx: 'Direct, through both routers',
  relay: 'Through a relay: no direct way was found',
  rtsp: 'RTSP, without peer-to-peer',
} as const;

export const pathSentence = (path: CameraPath): string => PATH_KINDS[path.kind];

export function recordingWords(camera: Camera): string {
  if (camera.recording) return 'Recording';
  return camera.recordingReason ? `Not recording: ${camera.recordingReason.text}` : 'Not recording';
}

/** Not recording although it should be; while a connection is being made that is as it should be. */
export const recordingTrouble = ({ recording, recordingReason }: Camera): boolean =>
  !recording && recordingReason !== null && recordingReason.reason !== 'connecting';

export const STATE_WORDS = { live: 'Live', connecting: 'Connecting', offline: 'Offline' } as const;
