import type { Clock } from '../base/clock.ts';
import type { AccessUnit, AudioConfig, VideoConfig } from '../media/access-unit.ts';
import { RateMeter } from './meter.ts';
import { LIVE_READER_LIMITS, StreamReader, type ReaderLimits } from './reader.ts';

/** A group longer than this is not kept for newcomers: they wait for the next keyframe. */
const GROUP_MAX_UNITS = 600;
const GROUP_MAX_BYTES = 16 * 1024 * 1024;
const MAX_READERS = 64;

/** One camera's frames, fanned out to readers. A newcomer begins with the current group of pictures, so it paints at once. */
export class CameraStream {
  readonly #clock: Clock;
  readonly #readers = new Set<StreamReader>();
  readonly #meter: RateMeter;
  #group: AccessUnit[] = [];
  #groupBytes = 0;
  #dropsOfClosedReaders = 0;
  video: VideoConfig | null = null;
  audio: AudioConfig | null = null;
  lastVideo: AccessUnit | null = null;
  /** Counters since start, for the metrics. */
  frames = 0;
  bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#meter = new RateMeter(clock);
  }

  push(unit: AccessUnit): void {
    this.bytes += unit.data.length;
    if (unit.config.kind === 'audio') {
      this.audio = unit.config;
      return;
    }
    this.video = unit.config;
    this.lastVideo = unit;
    this.frames += 1;
    this.#meter.add(unit.data.length);
    this.#keep(unit);
    for (const reader of this.#readers) reader.push(unit);
  }

  /** The source is gone: what comes next starts anew. Readers stay and wait. */
  interrupted(): void {
    this.#group = [];
    this.#groupBytes = 0;
    this.#meter.reset();
  }

  /** Undefined when there are too many readers already. */
  subscribe(limits: ReaderLimits = LIVE_READER_LIMITS): StreamReader | undefined {
    if (this.#readers.size >= MAX_READERS) return undefined;
    const reader = new StreamReader(this.#clock, limits, (closed) => {
      if (this.#readers.delete(closed)) this.#dropsOfClosedReaders += closed.dropped;
    });
    for (const unit of this.#group) reader.push(unit);
    this.#readers.add(reader);
    return reader;
  }

  get rate(): { fps: number; kbps: number } {
    return this.#meter.read();
  }

  get readers(): number {
    return this.#readers.size;
  }

  get dropped(): number {
    return [...this.#readers].reduce((sum, reader) => sum + reader.dropped, this.#dropsOfClosedReaders);
  }

  close(): void {
    for (const reader of [...this.#readers]) reader.close();
    this.interrupted();
  }

  #keep(unit: AccessUnit): void {
    if (unit.key) {
      this.#group = [unit];
      this.#groupBytes = unit.data.length;
      return;
    }
    if (this.#group.length === 0) return;
    this.#group.push(unit);
    this.#groupBytes += unit.data.length;
    if (this.#group.length > GROUP_MAX_UNITS || this.#groupBytes > GROUP_MAX_BYTES) {
      this.#group = [];
      this.#groupBytes = 0;
    }
  }
}
