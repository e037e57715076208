import type { DecoderConfig, UtcMs } from '../../electron/contract/model.ts';

/** A decoded picture as far as the players care: they pass it on or close it. */
export interface Picture {
  /** Microseconds, as given with its chunk. */
  readonly timestamp: number;
  close(): void;
}

export interface Chunk {
  readonly timestamp: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

export interface DecoderEvents<P extends Picture> {
  output(picture: P): void;
  error(error: Error): void;
}

/** What the players use of a VideoDecoder; tests put a fake behind it. */
export interface PictureDecoder {
  readonly queueSize: number;
  /** False once it failed or was closed. */
  readonly usable: boolean;
  configure(config: DecoderConfig, lowLatency: boolean): void;
  decode(chunk: Chunk): void;
  flush(): Promise<void>;
  reset(): void;
  close(): void;
}

export type DecoderFactory<P extends Picture> = (events: DecoderEvents<P>) => PictureDecoder;

export const createVideoDecoder: DecoderFactory<VideoFrame> = (events) => {
  const decoder = new VideoDecoder(events);
  return {
    get queueSize() {
      return decoder.decodeQueueSize;
    },
    get usable() {
      return decoder.state !== 'closed';
    },
    configure: (config, lowLatency) => decoder.configure(webCodecsConfig(config, lowLatency)),
    decode: ({ timestamp, key, data }) => decoder.decode(new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp, data })),
    flush: () => decoder.flush(),
    reset: () => decoder.reset(),
    close: () => {
      if (decoder.state !== 'closed') decoder.close();
    },
  };
};

/** Why this window cannot show the codec, in a sentence; undefined when it can. */
export async function whyUnsupported(config: DecoderConfig): Promise<string | undefined> {
  if (typeof VideoDecoder === 'undefined') return 'This browser has no WebCodecs. Use a current Chrome, Chromium or Edge.';
  const supported = await VideoDecoder.isConfigSupported(webCodecsConfig(config, true)).then(
    (answer) => answer.supported === true,
    () => false,
  );
  if (supported) return undefined;
  const name = /^(hvc1|hev1)/.test(config.codecString) ? 'H.265' : `the codec ${config.codecString}`;
  return `This computer cannot show ${name} here. It is recorded all the same; set the camera to H.264 to watch it.`;
}

/** WebCodecs counts in microseconds from wherever one likes: UTC, so that a picture carries its own time. */
export const toTimestamp = (at: UtcMs, base = 0): number => Math.round((at - base) * 1000);

function webCodecsConfig(config: DecoderConfig, lowLatency: boolean): VideoDecoderConfig {
  const description = Uint8Array.from(atob(config.description), (char) => char.charCodeAt(0));
  return {
    codec: config.codecString,
    codedWidth: config.width,
    codedHeight: config.height,
    optimizeForLatency: lowLatency,
    ...(description.length > 0 ? { description } : {}),
  };
}
