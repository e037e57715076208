import { directBetween } from '../../../peer/nat/words.ts';
import type { CameraPath, NatSummary, PathReport, Reason } from '../../contract/model.ts';

type Words = Pick<PathReport, 'why' | 'advice'>;

interface Facts {
  readonly path: CameraPath | null;
  /** Why there are no pictures; null while there are. */
  readonly reason: Reason | null;
  readonly mine: NatSummary | null;
  readonly theirs: NatSummary | null;
  /** Whether many ports may be tried: it is a setting. */
  readonly punching: boolean;
}

/** Why a camera is reached as it is, and what would make it direct, by what both ends found out about their networks. */
export function pathWords({ path, reason, mine, theirs, punching }: Facts): Words {
  const expected = mine && theirs ? directBetween(mine, theirs) : null;
  if (!path) return { why: reason?.text ?? 'Connecting to the camera…', advice: expected?.direct === 'relay-only' ? expected.advice : [] };
  if (path.kind !== 'relay') return { why: DIRECT[path.kind], advice: [] };
  if (!expected) return UNKNOWN;
  if (expected.direct === 'relay-only') return { why: expected.why, advice: expected.advice };
  if (expected.direct === 'by-punching' && !punching) {
    const advice = ['Switch on “Try many ports where nothing else works” on the Network page.', ...expected.advice];
    return { why: 'Relayed: a direct way would take trying many ports, and that is switched off on the Network page.', advice };
  }
  // What is expected and what is may differ for a while, or for good: a firewall that nobody knows of.
  return {
    why: `Relayed for now, while a direct way is looked for. It should become ${lowerFirst(expected.why)}`,
    advice: expected.advice,
  };
}

const DIRECT: Readonly<Record<Exclude<CameraPath['kind'], 'relay'>, string>> = {
  host: 'Direct: the two ends reach each other at their own addresses, and no router translates in between.',
  srflx: 'Direct: the routers on both sides let the video through, and nobody stands in between.',
  prflx: 'Direct: the routers on both sides let the video through, and nobody stands in between.',
  rtsp: 'By its own address: this camera is asked directly by RTSP, without peer-to-peer and without a relay.',
};

const UNKNOWN: Words = {
  why: 'Relayed: no direct way was found so far, and how the routers behave is not known on both sides yet.',
  advice: ['Switch on UPnP, NAT-PMP or PCP in the router of this computer or of the camera: one side is enough.'],
};

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
