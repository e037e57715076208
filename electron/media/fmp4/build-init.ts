import type { AudioConfig, TrackConfig, VideoConfig } from '../access-unit.ts';
import { concat } from '../concat.ts';
import { box, fullBox, latin1, u16, u32, u8 } from './boxes.ts';

/** Ticks in a second of every track that `buildInit` writes: that of Pts90k, so that times go through unchanged. */
export const INIT_TIMESCALE = 90_000;

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** `ftyp` and `moov` of a fragmented file; tracks are numbered from 1 in the order given. */
export function buildInit(configs: readonly TrackConfig[]): Uint8Array {
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    u32(0, 0, 1000, 0, 0x10000),
    u16(0x100, 0),
    u32(0, 0),
    MATRIX,
    u32(0, 0, 0, 0, 0, 0, configs.length + 1),
  );
  const trex = configs.map((_, index) => fullBox('trex', 0, 0, u32(index + 1, 1, 0, 0, 0)));
  return concat([
    box('ftyp', latin1('iso6'), u32(512), latin1('iso6mp41')),
    box('moov', mvhd, ...configs.map((config, index) => track(config, index + 1)), box('mvex', ...trex)),
  ]);
}

function track(config: TrackConfig, id: number): Uint8Array {
  const video = config.kind === 'video';
  const size = video ? u32(config.width * 65536, config.height * 65536) : u32(0, 0);
  // Flags 3: enabled, in the movie.
  const tkhd = fullBox('tkhd', 0, 3, u32(0, 0, id, 0, 0, 0, 0), u16(0, 0, video ? 0 : 0x100, 0), MATRIX, size);
  const mdhd = fullBox('mdhd', 0, 0, u32(0, 0, INIT_TIMESCALE, 0), u16(0x55c4, 0)); // language `und`
  const hdlr = fullBox('hdlr', 0, 0, u32(0), latin1(video ? 'vide' : 'soun'), u32(0, 0, 0), u8(0));
  const header = video ? fullBox('vmhd', 0, 1, u16(0, 0, 0, 0)) : fullBox('smhd', 0, 0, u16(0, 0));
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  const empty = ['stts', 'stsc', 'stco'].map((type) => fullBox(type, 0, 0, u32(0)));
  const stsd = fullBox('stsd', 0, 0, u32(1), video ? videoEntry(config) : audioEntry(config));
  const stbl = box('stbl', stsd, ...empty, fullBox('stsz', 0, 0, u32(0, 0)));
  return box('trak', tkhd, box('mdia', mdhd, hdlr, box('minf', header, dinf, stbl)));
}

function videoEntry(config: VideoConfig): Uint8Array {
  const [entry, child] = config.codec === 'h264' ? ['avc1', 'avcC'] : ['hvc1', 'hvcC'];
  return box(
    entry ?? '',
    u16(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, config.width, config.height),
    u32(0x480000, 0x480000, 0),
    u16(1),
    new Uint8Array(32), // compressor name
    u16(24, 0xffff),
    box(child ?? '', config.description),
  );
}

const AUDIO_ENTRY = { opus: 'Opus', aac: 'mp4a', pcm_mulaw: 'ulaw', pcm_alaw: 'alaw' } as const;

function audioEntry(config: AudioConfig): Uint8Array {
  const head = [u16(0, 0, 0, 1, 0, 0, 0, 0, config.channels, 16, 0, 0, config.sampleRate < 65536 ? config.sampleRate : 0, 0)];
  const child = config.codec === 'opus' ? [box('dOps', config.description)] : config.codec === 'aac' ? [esds(config.description)] : [];
  return box(AUDIO_ENTRY[config.codec], ...head, ...child);
}

/** ES_Descriptor with AAC's AudioSpecificConfig (ISO 14496-1 §7.2.6); all lengths are below 128. */
function esds(audioSpecificConfig: Uint8Array): Uint8Array {
  const descriptor = (tag: number, ...contents: Uint8Array[]) => {
    const content = concat(contents);
    return concat([u8(tag, content.length), content]);
  };
  // Object type 0x40: AAC; stream type 5: audio.
  const decoder = descriptor(4, u8(0x40, 0x15, 0, 0, 0), u32(0, 0), descriptor(5, audioSpecificConfig));
  return fullBox('esds', 0, 0, descriptor(3, u16(0), u8(0), decoder, descriptor(6, u8(2))));
}
