import type { TrackConfig } from '../access-unit.ts';
import { boxesIn, findBox, readU32, type Box } from './boxes.ts';
import { readSampleEntry } from './sample-entry.ts';

export interface InitTrack {
  readonly id: number;
  /** Ticks in a second of this track's times. */
  readonly timescale: number;
  /** Null for a kind or codec that Keyhole does not know. */
  readonly config: TrackConfig | null;
  /** Type of the sample entry: `avc1`, `mp4a`, `ulaw`… */
  readonly format: string;
  /** What `trex` sets for fragments that do not say it themselves. */
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number };
}

export interface InitSegment {
  readonly tracks: readonly InitTrack[];
}

const MAX_TRACKS = 16;

/** Reads the `moov` among the boxes of `bytes`; null when there is none, or no track in it can be read. */
export function parseInit(bytes: Uint8Array): InitSegment | null {
  const moov = findBox(bytes, ['moov']);
  if (!moov) return null;
  const defaults = new Map<number, InitTrack['defaults']>();
  const mvex = findBox(bytes, ['mvex'], moov.bodyStart, moov.end);
  for (const trex of mvex ? boxesIn(bytes, mvex.bodyStart, mvex.end) : []) {
    if (trex.type !== 'trex' || trex.end - trex.bodyStart < 24 || defaults.size >= MAX_TRACKS) continue;
    const at = (index: number) => readU32(bytes, trex.bodyStart + 4 * index);
    defaults.set(at(1), { duration: at(3), size: at(4), flags: at(5) });
  }
  const tracks: InitTrack[] = [];
  for (const trak of boxesIn(bytes, moov.bodyStart, moov.end)) {
    const track = trak.type === 'trak' && tracks.length < MAX_TRACKS ? readTrack(bytes, trak) : null;
    if (track) tracks.push({ ...track, defaults: defaults.get(track.id) ?? { duration: 0, size: 0, flags: 0 } });
  }
  return tracks.length > 0 ? { tracks } : null;
}

function readTrack(bytes: Uint8Array, trak: Box): Omit<InitTrack, 'defaults'> | null {
  const find = (...path: string[]) => findBox(bytes, path, trak.bodyStart, trak.end);
  const tkhd = find('tkhd');
  const mdhd = find('mdia', 'mdhd');
  const stsd = find('mdia', 'minf', 'stbl', 'stsd');
  if (!tkhd || !mdhd || !stsd) return null;
  // Creation and modification time are of 64 bits in version 1.
  const id = readU32(bytes, tkhd.bodyStart + (bytes[tkhd.bodyStart] === 1 ? 20 : 12));
  const timescale = readU32(bytes, mdhd.bodyStart + (bytes[mdhd.bodyStart] === 1 ? 20 : 12));
  const entry = boxesIn(bytes, stsd.bodyStart + 8, stsd.end).next().value;
  if (!entry || id === 0 || timescale === 0) return null;
  return { id, timescale, config: readSampleEntry(bytes, entry), format: entry.type };
}

/** Whether fragments of one are playable with the header of the other. */
export function sameFormat(a: InitSegment, b: InitSegment): boolean {
  return a.tracks.length === b.tracks.length && a.tracks.every((track, i) => sameTrack(track, b.tracks[i]));
}

function sameTrack(a: InitTrack, b: InitTrack | undefined): boolean {
  if (!b || a.id !== b.id || a.timescale !== b.timescale || a.format !== b.format) return false;
  const { duration, size, flags } = a.defaults;
  if (duration !== b.defaults.duration || size !== b.defaults.size || flags !== b.defaults.flags) return false;
  if (a.config === null || b.config === null) return a.config === b.config;
  const shape = (config: TrackConfig) => (config.kind === 'video' ? [config.width, config.height] : [config.sampleRate, config.channels]);
  return (
    a.config.codecString === b.config.codecString &&
    shape(a.config).join() === shape(b.config).join() &&
    Buffer.compare(a.config.description, b.config.description) === 0
  );
}
