import type { Camera, CameraPath, PathKind } from '../../electron/contract/model.ts';
import { bothPrivate, sameMachine } from './private-address.ts';
import { kindOf } from './reason-words.ts';

/** How a camera is reached, in a word. */
export function pathWord({ kind }: { readonly kind: PathKind }): 'Direct' | 'Relayed' | 'RTSP' {
  if (kind === 'relay') return 'Relayed';
  return kind === 'rtsp' ? 'RTSP' : 'Direct';
}

/** `Direct · 3 ms`. */
export function pathLabel(path: CameraPath): string {
  return path.rttMs === null ? pathWord(path) : `${pathWord(path)} · ${Math.round(path.rttMs)} ms`;
}

/** A camera program beside the app, as in the demo. */
const onThisMachine = ({ kind, local, remote }: CameraPath): boolean => kind !== 'relay' && kind !== 'rtsp' && sameMachine(local, remote);

/** Both ends are in one network, without a router's translation in between. */
export const isLan = (path: CameraPath): boolean =>
  ((path.kind === 'host' || path.kind === 'prflx') && bothPrivate(path.local, path.remote)) || onThisMachine(path);

const PATH_KINDS = {
  host: 'Direct, from address to address: no router translates in between',
  srflx: 'Direct, through both routers',
  prflx: 'Direct, through both routers',
  relay: 'Through a relay: no direct way was found so far',
  rtsp: 'By its own address, with RTSP: no peer-to-peer, no relay',
} as const;

export const pathSentence = (path: CameraPath): string => (isLan(path) ? lanWords(path) : PATH_KINDS[path.kind]);

export const lanWords = (path: CameraPath): string => (onThisMachine(path) ? 'Direct, on this computer' : 'Direct, in the same network');

/** What the camera leaves out of its picture, when it does. */
export function subStreamSentence({ quality }: Camera): string | null {
  if (!quality || (quality.stream !== 'sub' && quality.reason === null)) return null;
  return quality.reason ?? 'The camera sends its smaller picture: its way to the internet is too thin for the full one.';
}

export function recordingWords(camera: Camera): string {
  if (camera.recording) return 'Recording';
  return camera.recordingReason ? `Not recording: ${camera.recordingReason.text}` : 'Not recording';
}

/** Not recording although it should be; while a connection is being made, or nothing is meant to be recorded, that is as it should be. */
export const recordingTrouble = ({ recording, recordingReason }: Camera): boolean =>
  !recording && recordingReason !== null && recordingReason.reason !== 'connecting' && kindOf(recordingReason.reason) !== 'not-owed';

export const STATE_WORDS = { live: 'Live', connecting: 'Connecting', offline: 'Offline' } as const;
