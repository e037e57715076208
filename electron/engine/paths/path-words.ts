import type { CameraPath, PathReport, Reason } from '../../contract/model.ts';

type Words = Pick<PathReport, 'why' | 'advice'>;

/** What can be said of a way by its kind alone, where the source says no more. */
export function pathWords(path: CameraPath | null, reason: Reason | null): Words {
  if (!path) return { why: reason?.text ?? 'Connecting to the camera…', advice: [] };
  return WORDS[path.kind];
}

const WORDS: Readonly<Record<CameraPath['kind'], Words>> = {
  host: { why: 'Direct: the camera and this computer are in the same network.', advice: [] },
  srflx: { why: 'Direct: the routers on both sides let the video through, and nobody stands in between.', advice: [] },
  prflx: { why: 'Direct: the routers on both sides let the video through, and nobody stands in between.', advice: [] },
  relay: {
    why: 'Through a relay: no direct way was found so far.',
    advice: ['Switch on UPnP, NAT-PMP or PCP in the router of this computer or of the camera.'],
  },
  rtsp: { why: 'By its own address: this camera is asked directly by RTSP, without peer-to-peer and without a relay.', advice: [] },
};
