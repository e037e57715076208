import type { Emitter } from '../../electron/base/emitter.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { FeedPlan } from '../../electron/ffmpeg/feed.ts';
import type { FfmpegProcess } from '../../electron/ffmpeg/process.ts';
import type { AccessUnit, TrackConfig } from '../../electron/media/access-unit.ts';
import { buildFragment } from '../../electron/media/fmp4/build-fragment.ts';
import { buildInit } from '../../electron/media/fmp4/build-init.ts';
import { h264Encoder, type InputPlan } from './plan.ts';

export interface TranscodedOptions {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly kbps: number;
}

/** Frames of the main picture of which the capture time is remembered: ten seconds and more. */
const MAX_REMEMBERED = 512;
/** Bytes that ffmpeg has not read: above this it does not keep up, and the rest of the group of pictures is left out. */
const MAX_BEHIND = 4 * 1024 * 1024;
const FRAME_TICKS = 3600;

/**
 * The main picture once more, small: `transcode:?size=640x360&fps=10&kbps=300`. Takes the units of the main input and not its source
 * a second time, so that it works for each kind of source and shows the same at the same time. Costs a decoder and an encoder while
 * it is wanted. @throws CodedError `bad-request`
 */
export function transcodedPlan(source: string, main: Emitter<AccessUnit>): InputPlan {
  const { width, height, fps, kbps } = parseTranscoded(source);
  return {
    name: 'The small picture',
    plan: () => {
      /** Of the main picture, by media time: when each frame was captured. */
      const captured: { readonly pts: number; readonly utc: number }[] = [];
      /** ffmpeg counts its times from the first frame. */
      let first: { readonly main: number; own: number | null } | null = null;

      function feed(process: FfmpegProcess): () => void {
        let config: TrackConfig | null = null;
        let last: AccessUnit | null = null;
        let number = 0;
        let waitForKey = true;
        return main.on((unit) => {
          if (unit.config.kind !== 'video') return;
          if (process.pendingInput > MAX_BEHIND) waitForKey = true;
          if (waitForKey && !unit.key) return;
          // Another picture, or another beginning: ffmpeg begins anew with it.
          if (last && (unit.config !== config || unit.timeline !== last.timeline)) return void process.stop();
          waitForKey = false;
          if (!last) {
            config = unit.config;
            first = { main: unit.pts, own: null };
            process.write(buildInit([unit.config]));
          } else if (unit.dts <= last.dts) return;
          captured.push({ pts: unit.pts, utc: unit.utc });
          if (captured.length > MAX_REMEMBERED) captured.shift();
          const duration = last ? Math.min(unit.dts - last.dts, 90_000) : FRAME_TICKS;
          last = unit;
          number += 1;
          const sample = { data: unit.data, duration, key: unit.key, compositionOffset: unit.pts - unit.dts };
          process.write(buildFragment({ trackId: 1, sequenceNumber: number, baseDecodeTime: unit.dts, samples: [sample] }));
        });
      }

      /** The media and capture time that the frame has in the main picture. */
      function retime(unit: AccessUnit): AccessUnit | null {
        if (!first) return null;
        first.own ??= unit.pts;
        const pts = pts90k(first.main + unit.pts - first.own);
        const of = captured.findLast((known) => known.pts <= pts) ?? captured[0];
        return of ? { ...unit, pts, dts: pts, utc: utcMs(of.utc + (pts - of.pts) / 90) } : null;
      }

      const plan: FeedPlan = {
        inputs: [{ url: 'pipe:0', options: ['-probesize', '32', '-analyzeduration', '0', '-f', 'mp4'] }],
        codecs: ['-vf', `scale=${width}:${height},fps=${fps}`, ...h264Encoder({ fps, width, height, bitrate: kbps * 1_000 }), '-an'],
        output: { kind: 'packets', audio: null },
        feed,
        onUnit: retime,
      };
      return Promise.resolve(plan);
    },
  };
}

/** @throws CodedError `bad-request` */
export function parseTranscoded(source: string): TranscodedOptions {
  const query = new URLSearchParams(source.replace(/^transcode:\??/i, ''));
  const number = (name: string, otherwise: number, least: number, most: number): number => {
    const value = Number(query.get(name) ?? otherwise);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new CodedError(
      'bad-request',
      `transcode: ${name} must be a whole number from ${least} to ${most}, as in transcode:?size=640x360&fps=10&kbps=300.`,
    );
  };
  const [, w, h] = /^(\d{1,4})x(\d{1,4})$/.exec(query.get('size') ?? '640x360') ?? [];
  const [width, height] = [Number(w), Number(h)];
  if (!(width >= 64 && width <= 1920 && height >= 36 && height <= 1080) || width % 2 || height % 2)
    throw new CodedError('bad-request', 'transcode: size must be even numbers from 64x36 to 1920x1080, as in transcode:?size=640x360.');
  return { width, height, fps: number('fps', 10, 1, 30), kbps: number('kbps', 300, 50, 4_000) };
}
