import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { pts90k } from '../base/units.ts';
import type { AccessUnit, AudioConfig, TrackConfig } from '../media/access-unit.ts';
import { concat } from '../media/concat.ts';
import { hasIdr, isVcl, joinAvcc, NAL, nalType, splitAnnexB } from '../media/h264/nal.ts';
import { ParameterSets } from '../media/h264/parameter-sets.ts';
import { PtsClock } from '../media/pts-clock.ts';

export interface PacketReaderOptions {
  /** The sound's configuration, which the packets do not carry; null when there is none. */
  readonly audio: AudioConfig | null;
  readonly timeline: number;
  readonly clock: Clock;
  readonly onUnit: (unit: AccessUnit) => void;
}

interface Line {
  readonly kind: 'video' | 'audio';
  readonly dts: number;
  readonly pts: number;
  readonly bytes: number;
}

const MAX_LINE = 4096;
const MAX_PACKET = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
const LEFT_OUT: ReadonlySet<number> = new Set([
  NAL.sps,
  NAL.pps,
  NAL.aud,
  NAL.endOfSequence,
  NAL.endOfStream,
  NAL.filler,
  NAL.spsExtension,
]);

/** Turns what `packetOutput` makes ffmpeg write into access units: H.264 video, which is stream 0, and perhaps sound. */
export class PacketReader {
  readonly #options: PacketReaderOptions;
  readonly #times: PtsClock;
  readonly #sets = new ParameterSets();
  /** Ticks of 1/90000 s in one of ffmpeg's. */
  readonly #ticks: Partial<Record<Line['kind'], number>> = {};
  readonly #lastDts = { video: -1, audio: -1 };
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** The line whose bytes come next. */
  #due: Line | null = null;
  /** Packets left out: before the first keyframe, without picture, or with times that go back. */
  dropped = 0;

  constructor(options: PacketReaderOptions) {
    this.#options = options;
    this.#times = new PtsClock(options.clock);
  }

  /** Video first; empty before the first keyframe. */
  get configs(): readonly TrackConfig[] {
    const video = this.#sets.config;
    return video ? [video, ...(this.#options.audio ? [this.#options.audio] : [])] : [];
  }

  /** @throws CodedError `protocol-error` when this is not what ffmpeg writes */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#due && this.#held < this.#due.bytes) return;
    const [only] = this.#chunks;
    let rest = this.#chunks.length === 1 && only ? only : concat(this.#chunks);
    for (;;) {
      if (this.#due) {
        if (rest.length < this.#due.bytes) break;
        this.#onPacket(this.#due, rest.subarray(0, this.#due.bytes));
        rest = rest.subarray(this.#due.bytes);
        this.#due = null;
      }
      const end = rest.indexOf(NEWLINE);
      if (end > MAX_LINE || (end < 0 && rest.length > MAX_LINE)) throw unreadable();
      if (end < 0) break;
      this.#onLine(Buffer.from(rest.subarray(0, end)).toString('latin1'));
      rest = rest.subarray(end + 1);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
  }

  #onLine(line: string): void {
    const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)/.exec(line) ?? [];
    // The video's header comes first.
    if (denominator) this.#ticks[this.#ticks.video === undefined ? 'video' : 'audio'] = (90_000 * Number(numerator)) / Number(denominator);
    if (line.startsWith('#')) return;
    const fields = /^0, *(-?\d+), *(-?\d+), *-?\d+, *(\d+), *(0x|[0-9a-f]{32})/.exec(line);
    if (!fields) throw unreadable();
    const [dts = 0, pts = 0, bytes = 0] = fields.slice(1, 4).map(Number);
    if (bytes > MAX_PACKET) throw unreadable();
    this.#due = { kind: fields[4] === '0x' ? 'video' : 'audio', dts, pts, bytes };
  }

  #onPacket({ kind, dts, pts }: Line, bytes: Uint8Array): void {
    const ticks = this.#ticks[kind];
    if (ticks === undefined) throw unreadable();
    const media =
      kind === 'video' ? this.#readVideo(bytes) : this.#options.audio && { config: this.#options.audio, key: true, data: bytes };
    const unit = { pts: pts90k(Math.round(pts * ticks)), dts: pts90k(Math.round(dts * ticks)) };
    if (!media || unit.dts < 0 || unit.pts < 0 || unit.dts <= this.#lastDts[kind]) {
      this.dropped += 1;
      return;
    }
    this.#lastDts[kind] = unit.dts;
    const { timeline, clock, onUnit } = this.#options;
    onUnit({ ...media, ...unit, timeline, utc: this.#times.map(unit.pts, unit.dts), receivedAt: clock.now() });
  }

  #readVideo(bytes: Uint8Array): Pick<AccessUnit, 'config' | 'key' | 'data'> | null {
    const nals = splitAnnexB(bytes);
    for (const nal of nals) if (nalType(nal) === NAL.sps || nalType(nal) === NAL.pps) this.#sets.add(nal);
    const kept = nals.filter((nal) => !LEFT_OUT.has(nalType(nal)));
    const key = hasIdr(kept);
    const config = this.#sets.config;
    if (!config || (!key && this.#lastDts.video < 0) || !kept.some((nal) => isVcl(nalType(nal)))) return null;
    return { config, key, data: joinAvcc(kept) };
  }
}

const unreadable = () =>
  new CodedError('protocol-error', 'The output of ffmpeg cannot be read: it is no sequence of packets. Try another version of ffmpeg.');
