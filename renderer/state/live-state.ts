import type { Camera } from '../../electron/contract/model.ts';
import { STALLED_MS, type LivePicture } from './live-picture.svelte.ts';
import { duration } from '../time/words.ts';
import { STATE_WORDS } from '../video/camera-words.ts';

export interface LiveState {
  readonly state: 'live' | 'starting' | 'stalled' | 'unsupported' | 'connecting' | 'offline';
  readonly title: string;
  /** Why it is not live, in words. */
  readonly text: string | null;
}

/** What a tile says: `live` only while pictures really arrive on the screen. */
export function liveState(
  camera: Camera,
  picture: Pick<LivePicture, 'started' | 'unsupported' | 'ended' | 'silentFor'>,
  now: number,
): LiveState {
  if (camera.state !== 'live') return { state: camera.state, title: STATE_WORDS[camera.state], text: camera.reason?.text ?? null };
  if (picture.unsupported !== null) return { state: 'unsupported', title: 'Cannot be shown', text: picture.unsupported };
  const silent = picture.silentFor(now);
  if (silent === null) return { state: 'starting', title: 'Waiting for the picture…', text: picture.ended };
  if (silent > STALLED_MS)
    return {
      state: 'stalled',
      title: 'The picture stands still',
      text: `No new picture for ${duration(silent)}. It goes on by itself as soon as there is one.`,
    };
  return { state: 'live', title: 'Live', text: null };
}
