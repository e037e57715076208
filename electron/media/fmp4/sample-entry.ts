import { parseAudioSpecificConfig } from '../aac/audio-specific-config.ts';
import type { AudioConfig, TrackConfig, VideoConfig } from '../access-unit.ts';
import { avc1String, parseAvcC } from '../h264/avcc.ts';
import { parseSps } from '../h264/sps.ts';
import { hvc1String } from '../h265/hvcc.ts';
import { OPUS_RATE, opusChannels } from '../opus/dops.ts';
import { findBox, readU16, type Box } from './boxes.ts';

/** The codec's configuration in a sample entry of `stsd` (ISO 14496-12 §8.5.2); null when it is unknown or makes no sense. */
export function readSampleEntry(bytes: Uint8Array, entry: Box): TrackConfig | null {
  switch (entry.type) {
    case 'avc1':
    case 'avc3':
      return readAvc(bytes, entry);
    case 'hvc1':
    case 'hev1':
      return readHevc(bytes, entry);
    case 'mp4a':
    case 'Opus':
    case 'ulaw':
    case 'alaw':
      return readAudio(bytes, entry);
    default:
      return null;
  }
}

/** VisualSampleEntry: 78 bytes, then boxes (§12.1.3). */
const visualChild = (bytes: Uint8Array, entry: Box, type: string): Uint8Array | null => {
  const child = findBox(bytes, [type], entry.bodyStart + 78, entry.end);
  return child && bytes.slice(child.bodyStart, child.end);
};
const visualSize = (bytes: Uint8Array, entry: Box) => ({
  width: readU16(bytes, entry.bodyStart + 24),
  height: readU16(bytes, entry.bodyStart + 26),
});

function readAvc(bytes: Uint8Array, entry: Box): VideoConfig | null {
  const description = visualChild(bytes, entry, 'avcC');
  const avcC = description && parseAvcC(description);
  if (!description || avcC?.lengthSize !== 4) return null;
  const sps = avcC.sps[0] ? parseSps(avcC.sps[0]) : null;
  const { width, height } = sps ?? visualSize(bytes, entry);
  return { kind: 'video', codec: 'h264', codecString: avc1String(avcC), description, width, height };
}

function readHevc(bytes: Uint8Array, entry: Box): VideoConfig | null {
  const description = visualChild(bytes, entry, 'hvcC');
  const codecString = description && hvc1String(description);
  // lengthSizeMinusOne is in the low bits of byte 21.
  if (!description || !codecString || ((description[21] ?? 0) & 3) !== 3) return null;
  return { kind: 'video', codec: 'h265', codecString, description, ...visualSize(bytes, entry) };
}

/** AudioSampleEntry: 28 bytes (§12.2.3); QuickTime's versions 1 and 2 have 16 and 36 more. */
function readAudio(bytes: Uint8Array, entry: Box): AudioConfig | null {
  if (entry.end - entry.bodyStart < 28) return null;
  const version = readU16(bytes, entry.bodyStart + 8);
  const channels = readU16(bytes, entry.bodyStart + 16);
  const sampleRate = readU16(bytes, entry.bodyStart + 24);
  const children = entry.bodyStart + 28 + (version === 1 ? 16 : version === 2 ? 36 : 0);
  if (entry.type === 'ulaw' || entry.type === 'alaw') {
    if (sampleRate === 0 || channels === 0) return null;
    const codec = entry.type === 'ulaw' ? 'pcm_mulaw' : 'pcm_alaw';
    return { kind: 'audio', codec, codecString: entry.type, description: new Uint8Array(0), sampleRate, channels };
  }
  if (entry.type === 'Opus') {
    const dOps = findBox(bytes, ['dOps'], children, entry.end);
    const description = dOps && bytes.slice(dOps.bodyStart, dOps.end);
    const count = description && opusChannels(description);
    if (!description || !count) return null;
    return { kind: 'audio', codec: 'opus', codecString: 'opus', description, sampleRate: OPUS_RATE, channels: count };
  }
  const esds = findBox(bytes, ['esds'], children, entry.end) ?? findBox(bytes, ['wave', 'esds'], children, entry.end);
  const description = esds && readDecoderSpecificInfo(bytes, esds);
  const aac = description && parseAudioSpecificConfig(description);
  if (!description || !aac) return null;
  return {
    kind: 'audio',
    codec: 'aac',
    codecString: `mp4a.40.${aac.objectType}`,
    description,
    sampleRate: aac.sampleRate,
    channels: aac.channels || channels,
  };
}

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
const AAC = 0x40;

/** DecoderSpecificInfo of an `esds` box whose object type is AAC (ISO 14496-1 §7.2.6). */
function readDecoderSpecificInfo(bytes: Uint8Array, esds: Box): Uint8Array | null {
  let offset = esds.bodyStart + 4;
  while (offset < esds.end) {
    const tag = bytes[offset++];
    let length = 0;
    for (let index = 0; index < 4; index += 1) {
      const byte = bytes[offset++] ?? 0;
      length = length * 128 + (byte & 127);
      if (!(byte & 128)) break;
    }
    if (offset + length > esds.end) return null;
    if (tag === ES_DESCRIPTOR) {
      const flags = bytes[offset + 2] ?? 0;
      offset += 3;
      if (flags & 0x80) offset += 2;
      if (flags & 0x40) offset += 1 + (bytes[offset] ?? 0);
      if (flags & 0x20) offset += 2;
    } else if (tag === DECODER_CONFIG) {
      if (bytes[offset] !== AAC) return null;
      offset += 13;
    } else if (tag === DECODER_SPECIFIC) return length > 0 && length <= 64 ? bytes.slice(offset, offset + length) : null;
    else offset += length;
  }
  return null;
}
