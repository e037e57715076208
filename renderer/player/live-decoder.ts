import { utcMs, type DecoderConfig, type UtcMs } from '../../electron/contract/model.ts';
import { toTimestamp, type DecoderFactory, type Picture, type PictureDecoder } from './decoder.ts';

/** Frames that may wait at most: more than the group of pictures a stream begins with, which comes all at once. */
export const MAX_QUEUE = 120;
/** How long a frame may be inside the decoder before what follows is skipped, in milliseconds. */
export const MAX_WAIT_MS = 700;
/** One slow frame is no backlog. */
const MIN_BACKLOG = 3;

export interface LiveCounters {
  /** Encoded frames skipped here because decoding did not keep up. */
  skipped: number;
  /** Encoded frames the engine left out because this page was slow. */
  droppedByEngine: number;
  decoded: number;
  errors: number;
}

export interface LiveDecoderOptions<P extends Picture> {
  readonly createDecoder: DecoderFactory<P>;
  /** Takes the picture over, and closes it. */
  paint(picture: P, at: UtcMs): void;
  /** Monotonic milliseconds. */
  now(): number;
}

/**
 * Decodes one live camera, always near the present: when the decoder falls behind, frames are skipped up to the next
 * keyframe, and what still waits then is thrown away. What waits is bounded by MAX_QUEUE frames and MAX_WAIT_MS.
 */
export class LiveDecoder<P extends Picture> {
  readonly #options: LiveDecoderOptions<P>;
  readonly counters: LiveCounters = { skipped: 0, droppedByEngine: 0, decoded: 0, errors: 0 };
  #decoder: PictureDecoder | undefined;
  #config: DecoderConfig | undefined;
  #skipping = true;
  /** Frames handed to the decoder whose pictures have not come yet: their time, and when they went in. */
  #pending: { readonly at: number; readonly since: number }[] = [];
  #base: UtcMs | undefined;

  constructor(options: LiveDecoderOptions<P>) {
    this.#options = options;
  }

  /** Time of timestamp 0. Set by the first frame. */
  get base(): UtcMs | undefined {
    return this.#base;
  }

  configure(config: DecoderConfig): void {
    this.#config = config;
    this.#restart();
  }

  frame(at: UtcMs, key: boolean, data: Uint8Array, dropped = 0): void {
    this.counters.droppedByEngine += dropped;
    // The engine goes on at a keyframe after a drop; should it not, a broken picture must not be shown.
    if (dropped > 0 && !key) this.#skipping = true;
    if (!this.#config) return;
    if (!key && (this.#skipping || this.#overloaded())) {
      this.#skipping = true;
      this.counters.skipped += 1;
      return;
    }
    if (key && (this.#overloaded() || !this.#decoder?.usable)) {
      this.counters.skipped += this.#pending.length;
      this.#restart();
    }
    this.#skipping = false;
    this.#base ??= at;
    this.#pending.push({ at, since: this.#options.now() });
    this.#guard(() => this.#decoder?.decode({ timestamp: toTimestamp(at, this.#base), key, data }));
  }

  close(): void {
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#config = undefined;
    this.#pending = [];
  }

  #overloaded(): boolean {
    if ((this.#decoder?.queueSize ?? 0) > MAX_QUEUE || this.#pending.length > MAX_QUEUE) return true;
    const oldest = this.#pending[0];
    if (!oldest || this.#pending.length < MIN_BACKLOG) return false;
    return this.#options.now() - oldest.since > MAX_WAIT_MS;
  }

  #restart(): void {
    const config = this.#config;
    if (!config) return;
    this.#pending = [];
    this.#skipping = true;
    if (this.#decoder?.usable) this.#decoder.reset();
    else this.#decoder = this.#create();
    this.#guard(() => this.#decoder?.configure(config, true));
  }

  #create(): PictureDecoder {
    const decoder: PictureDecoder = this.#options.createDecoder({
      output: (picture) => this.#output(picture, decoder),
      error: () => {
        if (decoder !== this.#decoder) return;
        this.#failed();
      },
    });
    return decoder;
  }

  #output(picture: P, decoder: PictureDecoder): void {
    if (decoder !== this.#decoder || this.#base === undefined) {
      picture.close();
      return;
    }
    const at = utcMs(this.#base + picture.timestamp / 1000);
    this.#pending = this.#pending.filter((pending) => pending.at > at);
    this.counters.decoded += 1;
    this.#options.paint(picture, at);
  }

  /** Broken data closes a VideoDecoder for good: the next keyframe gets a new one. */
  #failed(): void {
    this.counters.errors += 1;
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#pending = [];
    this.#skipping = true;
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch {
      this.#failed();
    }
  }
}
