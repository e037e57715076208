import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { pts90k } from '../base/units.ts';
import type { AccessUnit, TrackConfig } from '../media/access-unit.ts';
import { concat, join } from '../media/concat.ts';
import { findBox, readU32 } from '../media/fmp4/boxes.ts';
import { buildInit } from '../media/fmp4/build-init.ts';
import { parseFragment, setSequenceNumber, type FragmentSample } from '../media/fmp4/fragment.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import { mergeInits, setTrackId } from '../media/fmp4/merge.ts';
import { BoxSplitter, type TopLevelBox } from '../media/fmp4/splitter.ts';
import { configInBand, hasOtherSps } from '../media/parameter-change.ts';
import { PtsClock } from '../media/pts-clock.ts';
import { AUDIO_SEQUENCE_BASE, type OutputTracks } from './fragments.ts';

export interface FragmentReaderOptions {
  readonly tracks: OutputTracks;
  readonly timeline: number;
  readonly clock: Clock;
  readonly onUnit: (unit: AccessUnit) => void;
}

/**
 * Turns what `fragmentedOutput` makes ffmpeg write into access units, each with its fragment. The tracks' init segments
 * become one, their fragments are numbered through.
 */
export class FragmentReader {
  readonly #options: FragmentReaderOptions;
  readonly #splitter = new BoxSplitter();
  readonly #times: PtsClock;
  #ftyp: Uint8Array | null = null;
  #parts: Uint8Array[] = [];
  #init: { readonly bytes: Uint8Array; readonly segment: InitSegment; readonly parts: readonly Uint8Array[] } | null = null;
  #configs: readonly TrackConfig[] = [];
  #moof: Uint8Array | null = null;
  #sequence = 0;
  readonly #lastDts = new Map<number, number>();
  /** Frames left out because their times went back or their data was cut off. */
  dropped = 0;

  constructor(options: FragmentReaderOptions) {
    this.#options = options;
    this.#times = new PtsClock(options.clock);
  }

  /** Once ffmpeg has said them: video first. */
  get configs(): readonly TrackConfig[] {
    return this.#configs;
  }

  /** @throws CodedError `protocol-error` when this is not what ffmpeg writes; `codec-unsupported` */
  push(chunk: Uint8Array): void {
    for (const box of this.#splitter.push(chunk)) this.#take(box);
  }

  #take(box: TopLevelBox): void {
    if (box.type === 'ftyp') this.#ftyp = box.bytes;
    else if (box.type === 'moov' && this.#ftyp) this.#addInit(concat([this.#ftyp, box.bytes]));
    else if (box.type === 'moof') this.#moof = box.bytes;
    else if (box.type === 'mdat' && this.#moof) {
      const bytes = join(this.#moof, box.bytes);
      this.#moof = null;
      this.#addFragment(bytes);
    }
  }

  #addInit(part: Uint8Array): void {
    const { tracks } = this.#options;
    this.#parts.push(part);
    if (this.#parts.length < Number(tracks.video) + Number(tracks.audio !== 'none')) return;
    const parts = this.#parts;
    this.#parts = [];
    const bytes = mergeInits(parts);
    const segment = bytes && parseInit(bytes);
    if (!bytes || !segment)
      throw new CodedError('protocol-error', 'The output of ffmpeg cannot be read: its headers are not those of an MP4 stream.');
    const unknown = segment.tracks.find(({ config }) => !config);
    if (unknown)
      throw new CodedError(
        'codec-unsupported',
        `This kind of media (${unknown.format}) is not supported: set the camera to H.264 or H.265.`,
      );
    this.#init = { bytes, segment, parts };
    this.#configs = segment.tracks.flatMap(({ config }) => config ?? []);
  }

  #addFragment(bytes: Uint8Array): void {
    const init = this.#init;
    const mfhd = findBox(bytes, ['moof', 'mfhd']);
    if (!init || !mfhd) return;
    const audio = this.#options.tracks.video && readU32(bytes, mfhd.bodyStart + 4) >= AUDIO_SEQUENCE_BASE;
    setTrackId(bytes, audio ? 2 : 1);
    setSequenceNumber(bytes, ++this.#sequence);
    const [sample, ...others] = parseFragment(bytes, init.segment) ?? [];
    const unit = sample && others.length === 0 ? this.#toUnit(sample, bytes, init.bytes) : null;
    if (unit) this.#options.onUnit(this.#follow(unit, bytes));
    else this.dropped += 1;
  }

  /** H.264 that changes its format on the way brings its parameter sets along: ffmpeg's header is then replaced by one that fits. */
  #follow(unit: AccessUnit, bytes: Uint8Array): AccessUnit {
    const config = hasOtherSps(unit) ? configInBand(unit) : null;
    const changed = config && mergeInits([buildInit([config]), ...(this.#init?.parts.slice(1) ?? [])]);
    const segment = changed && parseInit(changed);
    const [track] = segment?.tracks ?? [];
    if (!changed || !segment || !track?.config || track.timescale !== this.#init?.segment.tracks[0]?.timescale) return unit;
    this.#init = { bytes: changed, segment, parts: this.#init.parts };
    this.#configs = segment.tracks.flatMap((other) => other.config ?? []);
    return { ...unit, config: track.config, fragment: { init: changed, bytes } };
  }

  #toUnit(sample: FragmentSample, bytes: Uint8Array, init: Uint8Array): AccessUnit | null {
    const { track } = sample;
    const toTicks = (time: number) => Math.round((time * 90_000) / track.timescale);
    const pts = toTicks(sample.pts);
    const last = this.#lastDts.get(track.id) ?? -1;
    if (!track.config || pts < 0 || sample.dts < last || sample.bytes === 0 || sample.offset + sample.bytes > bytes.length) return null;
    this.#lastDts.set(track.id, sample.dts);
    return {
      config: track.config,
      timeline: this.#options.timeline,
      pts: pts90k(pts),
      dts: pts90k(toTicks(sample.dts)),
      // ffmpeg lets a frame go when the next one is there: so media up to the end of this one has arrived.
      utc: this.#times.map(pts90k(pts), toTicks(sample.dts + sample.duration)),
      receivedAt: this.#options.clock.now(),
      key: track.config.kind === 'audio' || sample.key,
      data: bytes.subarray(sample.offset, sample.offset + sample.bytes),
      fragment: { init, bytes },
    };
  }
}
