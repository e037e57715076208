import type { CameraControl } from '../../../peer/session/control-messages.ts';
import type { CameraQuality } from '../../contract/model.ts';

type Told = Extract<CameraControl, { type: 'quality' }>;

/** What a camera says of the picture it sends, in words. */
export function qualityInWords({ stream, reason, estimateKbps }: Told): CameraQuality {
  return { stream, estimateKbps, reason: reason === null ? null : sentence(stream, reason, estimateKbps) };
}

function sentence(stream: Told['stream'], reason: string, kbps: number | null): string {
  const carries = kbps === null ? '' : `: it carries about ${kbps < 10_000 ? `${kbps} kbit/s` : `${Math.round(kbps / 1000)} Mbit/s`}`;
  if (reason === 'frames-left-out')
    return `The way from the camera is too thin even for its ${stream === 'sub' ? 'small' : 'only'} picture${carries}. Pictures are left out.`;
  if (stream === 'sub') return `The way from the camera is too thin for its full picture${carries}. It sends its small one.`;
  return `The camera sends less than it could${carries}.`;
}
