import type { AudioConfig } from '../access-unit.ts';

/** Opus always decodes at this rate, whatever went in. */
export const OPUS_RATE = 48_000;

/** What a decoder must know of an Opus stream of one or two channels; `dOps` as its description (Opus in ISOBMFF §4.3.2). */
export function opusConfig(channels: 1 | 2, preSkip = 312): AudioConfig {
  const description = Uint8Array.of(0, channels, preSkip >> 8, preSkip & 255, 0, 0, OPUS_RATE >> 8, OPUS_RATE & 255, 0, 0, 0);
  return { kind: 'audio', codec: 'opus', codecString: 'opus', description, sampleRate: OPUS_RATE, channels };
}

/** The channels in the payload of a `dOps` box; null when it is cut off or of another version. */
export function opusChannels(dOps: Uint8Array): number | null {
  const channels = dOps[1];
  return dOps.length >= 11 && dOps[0] === 0 && channels ? channels : null;
}
