import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { FfmpegProcess, type FfmpegExit, type FfmpegInput } from './process.ts';

/** What an input has; the codecs by ffmpeg's names. */
export interface MediaInfo {
  readonly video: { readonly codec: string; readonly width: number; readonly height: number; readonly fps: number | null } | null;
  readonly audio: { readonly codec: string; readonly sampleRate: number; readonly channels: number } | null;
}

export interface Probe {
  readonly media: MediaInfo;
  /** How ffmpeg ended: tells why when there is nothing in the input. */
  readonly exit: FfmpegExit;
}

const PROBE_MS = 20_000;

/** Opens the input, reads its headers and closes it again. Takes ffmpeg alone: the bundled one comes without ffprobe. */
export async function probe(input: FfmpegInput, context: { clock: Clock; log: Log; signal?: AbortSignal }): Promise<Probe> {
  const { clock, log, signal } = context;
  const reader = new StreamLines();
  const process = new FfmpegProcess({
    inputs: [input],
    output: ['-map', '0', '-c', 'copy', '-t', '0', '-f', 'null', 'pipe:1'],
    clock,
    log,
    onLine: (line) => reader.push(line),
    stallMs: PROBE_MS,
    signal,
  });
  process.start();
  const exit = await process.exited;
  return { media: reader.media, exit };
}

/** Reads `Stream #0:0: Video: h264 (High), yuv420p, 768x576, 10 fps` out of ffmpeg's report on an input. */
export class StreamLines {
  #video: MediaInfo['video'] = null;
  #audio: MediaInfo['audio'] = null;
  #output = false;

  get media(): MediaInfo {
    return { video: this.#video, audio: this.#audio };
  }

  push(line: string): void {
    if (line.startsWith('Output #')) this.#output = true;
    const match = /^Stream #0:\d+\S*: (Video|Audio): (\w+)(.*)$/.exec(line);
    const [, kind, codec, rest = ''] = match ?? [];
    if (!codec || this.#output || codec === 'none') return;
    if (kind === 'Video' && !this.#video && !rest.includes('(attached pic)')) {
      const [, width, height] = /, (\d{1,5})x(\d{1,5})\b/.exec(rest) ?? [];
      const fps = Number(/([\d.]+) fps\b/.exec(rest)?.[1] ?? Number.NaN);
      this.#video = { codec, width: Number(width ?? 0), height: Number(height ?? 0), fps: fps > 0 ? fps : null };
    }
    if (kind === 'Audio' && !this.#audio) {
      const [, rate, layout = ''] = /, (\d+) Hz, ([^,]+)/.exec(rest) ?? [];
      const channels = layout === 'mono' ? 1 : layout === 'stereo' ? 2 : Number(/^(\d+) channels/.exec(layout)?.[1] ?? 2);
      this.#audio = { codec, sampleRate: Number(rate ?? 0), channels };
    }
  }
}
