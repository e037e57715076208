import { execFileSync } from 'node:child_process';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { AccessUnit, Fragment, TrackConfig } from '../../electron/media/access-unit.ts';
import { parseFragment, setBaseDecodeTime } from '../../electron/media/fmp4/fragment.ts';
import { parseInit } from '../../electron/media/fmp4/init.ts';
import { BoxSplitter } from '../../electron/media/fmp4/splitter.ts';

/*
 * The real clip as the recorder gets it from an RTSP camera: units with the fragments that ffmpeg made. Times are simulated:
 * the clip runs in a loop for as long as asked, one loop behind the other.
 */

export type ClipUnit = AccessUnit & { readonly fragment: Fragment };

export const CLIP = 'resources/demo/pedestrians.mp4';
/** The clip's length and frame rate: 79.5 s at 10 frames a second, a keyframe every 2 s. */
export const CLIP_MS = 79_500;

interface ClipFrame {
  readonly config: TrackConfig;
  readonly fragment: Fragment;
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

let cached: readonly ClipFrame[] | null = null;

/** `sound`: with a generated tone beside the picture. */
export function clipFrames(sound = false): readonly ClipFrame[] {
  if (!sound && cached) return cached;
  const input = sound
    ? ['-i', CLIP, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-shortest', '-c:v', 'copy', '-c:a', 'aac']
    : ['-i', CLIP, '-c', 'copy'];
  // No trailer: ffmpeg 4 writes a damaged one to a pipe.
  const flags = 'frag_every_frame+empty_moov+default_base_moof+skip_trailer';
  const output = execFileSync('ffmpeg', ['-v', 'error', ...input, '-movflags', flags, '-f', 'mp4', 'pipe:1'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const boxes = new BoxSplitter().push(new Uint8Array(output));
  const header = boxes.filter((box) => box.type === 'ftyp' || box.type === 'moov').map((box) => box.bytes);
  const init = new Uint8Array(Buffer.concat(header));
  const parsed = parseInit(init);
  if (!parsed) throw new Error('the clip has no header');
  const frames: ClipFrame[] = [];
  for (const [i, moof] of boxes.entries()) {
    const mdat = boxes[i + 1];
    if (moof.type !== 'moof' || !mdat) continue;
    const bytes = new Uint8Array(Buffer.concat([moof.bytes, mdat.bytes]));
    const [sample] = parseFragment(bytes, parsed) ?? [];
    if (!sample?.track.config) throw new Error('a frame of the clip cannot be read');
    const { config, timescale } = sample.track;
    frames.push({
      config,
      fragment: { init, bytes },
      dts: (sample.dts / timescale) * 90_000,
      pts: (sample.pts / timescale) * 90_000,
      key: sample.key,
      data: bytes.slice(sample.offset, sample.offset + sample.bytes),
    });
  }
  if (!sound) cached = frames;
  return frames;
}

export interface ClipOptions {
  /** Wall clock of the first frame. */
  readonly start: number;
  readonly lengthMs: number;
  readonly timeline?: number;
  readonly sound?: boolean;
}

export function* clipUnits({ start, lengthMs, timeline = 1, sound = false }: ClipOptions): Generator<ClipUnit> {
  for (let loop = 0; ; loop++) {
    const shift = loop * CLIP_MS * 90;
    for (const frame of clipFrames(sound)) {
      const ms = (frame.pts + shift) / 90;
      if (ms >= lengthMs) return;
      const utc = utcMs(start + ms);
      yield {
        config: frame.config,
        timeline,
        pts: pts90k(Math.round(frame.pts + shift)),
        dts: pts90k(Math.round(frame.dts + shift)),
        utc,
        receivedAt: utc,
        key: frame.key,
        data: frame.data,
        fragment: loop === 0 ? frame.fragment : { ...frame.fragment, bytes: later(frame.fragment, loop) },
      };
    }
  }
}

/** The fragment with its media time moved by so many loops. */
function later(fragment: Fragment, loops: number): Uint8Array {
  const init = parseInit(fragment.init);
  const sample = init && parseFragment(fragment.bytes, init)?.[0];
  if (!sample) throw new Error('a frame of the clip cannot be read');
  const bytes = fragment.bytes.slice();
  if (!setBaseDecodeTime(bytes, sample.dts + Math.round((loops * CLIP_MS * sample.track.timescale) / 1000)))
    throw new Error('no decode time');
  return bytes;
}
