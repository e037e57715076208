import { BitReader, BitsExhausted } from '../bit-reader.ts';

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
/** channelConfiguration 0 says that they are described elsewhere. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];

export interface AacParameters {
  /** 2 for AAC-LC. */
  readonly objectType: number;
  readonly sampleRate: number;
  /** 0 when the configuration does not say. */
  readonly channels: number;
}

/** Reads the head of an AudioSpecificConfig (ISO 14496-3 §1.6.2.1); null when it is cut off or reserved. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacParameters | null {
  const bits = new BitReader(bytes);
  try {
    let objectType = bits.bits(5);
    if (objectType === 31) objectType = 32 + bits.bits(6);
    const index = bits.bits(4);
    const sampleRate = index === 15 ? bits.bits(24) : RATES[index];
    const channels = CHANNELS[bits.bits(4)];
    if (!sampleRate || channels === undefined || objectType === 0) return null;
    return { objectType, sampleRate, channels };
  } catch (error) {
    if (error instanceof BitsExhausted) return null;
    throw error;
  }
}
