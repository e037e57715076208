import type { EngineClient, Subscription } from '../../electron/contract/client.ts';
import type { LiveItem } from '../../electron/contract/api.ts';
import type { CameraId } from '../../electron/contract/model.ts';
import { createVideoDecoder, whyUnsupported } from './decoder.ts';
import { CanvasSink, TrackSink, type FrameSink } from './frame-sink.ts';
import { LiveDecoder } from './live-decoder.ts';
import type { LiveReport, SurfaceHandle } from './live-messages.ts';

/** Frames the engine may send ahead of our taking them: under a second of most cameras. */
const CREDIT = 24;
const REOPEN_MS = 1000;
const STATS_MS = 1000;

/** One tile in the worker: the camera's stream, its decoder, its surface. */
export class LiveTile {
  readonly #tile: number;
  readonly #camera: CameraId;
  readonly #report: (report: LiveReport) => void;
  readonly #sink: FrameSink;
  #decoder: LiveDecoder<VideoFrame> | undefined;
  #client: EngineClient | undefined;
  #subscription: Subscription | undefined;
  #paused = false;
  #started = false;
  #baseTold = false;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  readonly #stats: ReturnType<typeof setInterval>;

  constructor(tile: number, camera: CameraId, surface: SurfaceHandle, report: (report: LiveReport) => void) {
    this.#tile = tile;
    this.#camera = camera;
    this.#report = report;
    this.#sink =
      surface.kind === 'track'
        ? new TrackSink(surface.writable, () => this.#written())
        : new CanvasSink(surface.canvas, (at) => {
            this.#written();
            report({ live: 'painted', tile, at });
          });
    this.#stats = setInterval(() => this.#tellStats(), STATS_MS);
  }

  /** A new connection to the engine: the stream is opened on it. */
  connected(client: EngineClient): void {
    this.#client = client;
    this.#open();
  }

  pause(): void {
    this.#paused = true;
    this.#stop();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#open();
  }

  close(): void {
    this.pause();
    clearInterval(this.#stats);
    this.#sink.close();
  }

  #stop(): void {
    clearTimeout(this.#reopen);
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#started = false;
  }

  #open(): void {
    const client = this.#client;
    if (this.#paused || !client || client.closed) return;
    this.#stop();
    this.#baseTold = false;
    const decoder = new LiveDecoder<VideoFrame>({
      createDecoder: createVideoDecoder,
      now: () => performance.now(),
      paint: (frame, at) => {
        this.#tellBase(decoder);
        this.#sink.paint(frame, at);
      },
    });
    this.#decoder = decoder;
    this.#subscription = client.open(
      'live',
      { camera: this.#camera },
      {
        item: (item, bytes) => this.#take(decoder, item, bytes),
        end: (error) => decoder === this.#decoder && this.#ended(error?.code === 'closed' ? null : (error?.message ?? null)),
      },
      CREDIT,
    );
  }

  async #take(decoder: LiveDecoder<VideoFrame>, item: LiveItem, bytes: Uint8Array | undefined): Promise<void> {
    if (decoder !== this.#decoder) return;
    if (item.kind === 'frame') {
      if (bytes) decoder.frame(item.at, item.key, bytes, item.dropped);
      return;
    }
    decoder.configure(item.config);
    const why = await whyUnsupported(item.config);
    if (why !== undefined && decoder === this.#decoder) this.#report({ live: 'unsupported', tile: this.#tile, text: why });
  }

  #ended(text: string | null): void {
    this.#subscription = undefined;
    this.#started = false;
    this.#report({ live: 'ended', tile: this.#tile, text });
    clearTimeout(this.#reopen);
    // A broken connection brings a new client by itself; a stream that only ended is asked for again.
    if (this.#client && !this.#client.closed) this.#reopen = setTimeout(() => this.#open(), REOPEN_MS);
  }

  #tellBase(decoder: LiveDecoder<VideoFrame>): void {
    if (this.#baseTold || decoder.base === undefined) return;
    this.#baseTold = true;
    this.#report({ live: 'base', tile: this.#tile, base: decoder.base });
  }

  #written(): void {
    if (this.#started) return;
    this.#started = true;
    this.#report({ live: 'started', tile: this.#tile });
  }

  #tellStats(): void {
    const decoder = this.#decoder;
    if (!decoder || !this.#started) return;
    const { decoded, skipped, droppedByEngine, errors } = decoder.counters;
    this.#report({
      live: 'stats',
      tile: this.#tile,
      stats: { decoded, dropped: skipped + this.#sink.dropped, droppedByEngine, errors },
    });
  }
}
