import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { CameraPath, Reason } from '../../contract/model.ts';
import { ffmpegBinary } from '../../ffmpeg/binary.ts';
import { sourceFailure } from '../../ffmpeg/failure.ts';
import { FfmpegFeed, type FeedPlan, type FeedState } from '../../ffmpeg/feed.ts';
import { probe, type MediaInfo } from '../../ffmpeg/probe.ts';
import { rtspInput, withCredentials } from '../../ffmpeg/rtsp-input.ts';
import type { Source, SourceEvents } from '../source.ts';
import { addressTowards } from './local-address.ts';
import { rtspCodecs } from './codecs.ts';

export interface RtspSourceOptions {
  /** Without user and password. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SourceEvents;
}

const DEFAULT_PORT = 554;

/** A camera on this network, reached by RTSP over TCP: one `ffmpeg -c copy`, whose fragments are recorded as they are. */
export class RtspSource implements Source {
  readonly #options: RtspSourceOptions;
  readonly #name: string;
  readonly #host: string;
  readonly #port: number;
  readonly #feed: FfmpegFeed;
  #path: CameraPath | null = null;
  #media: MediaInfo | null = null;
  #wentLive = false;

  constructor(options: RtspSourceOptions) {
    this.#options = options;
    const { hostname, port } = new URL(options.url);
    this.#host = hostname.replace(/^\[|\]$/g, '');
    this.#port = Number(port) || DEFAULT_PORT;
    this.#name = `The camera at ${hostname}${port ? `:${port}` : ''}`;
    this.#feed = new FfmpegFeed({
      name: this.#name,
      plan: (signal) => this.#plan(signal),
      clock: options.clock,
      log: options.log,
      onUnit: (unit) => options.events.unit(unit),
      onStatus: (state, reason) => this.#onStatus(state, reason),
    });
  }

  start(): void {
    this.#feed.start();
  }

  retryNow(): void {
    this.#feed.retryNow();
  }

  close(): Promise<void> {
    return this.#feed.close();
  }

  async #plan(signal: AbortSignal): Promise<FeedPlan> {
    const { url, username, password, clock, log } = this.#options;
    const binary = await ffmpegBinary();
    const input = rtspInput(withCredentials(url, username, password), binary);
    // What went well the last time needs no second look: the picture is back sooner.
    let media = this.#wentLive ? this.#media : null;
    this.#wentLive = false;
    if (!media) {
      const found = await probe(input, { clock, log, signal });
      media = found.media;
      if (!media.video && !media.audio) throw sourceFailure(found.exit, this.#name);
    }
    this.#media = media;
    this.#path = {
      kind: 'rtsp',
      local: await addressTowards(this.#host, this.#port),
      remote: `${this.#host}:${this.#port}`,
      rttMs: null,
      lossPct: null,
    };
    if (!media.video) throw new CodedError('source-no-video', `${this.#name} has no video.`);
    const { codecs, tracks } = rtspCodecs(media, binary);
    return { inputs: [input], codecs, output: { kind: 'fragments', tracks } };
  }

  #onStatus(state: FeedState, reason: Reason | null): void {
    if (state === 'live') this.#wentLive = true;
    this.#options.events.status({ state, reason, path: state === 'live' ? this.#path : null });
  }
}
