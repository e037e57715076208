import { hostname } from 'node:os';
import { CodedError } from '../../electron/base/errors.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { FeedPlan } from '../../electron/ffmpeg/feed.ts';
import type { FfmpegProcess } from '../../electron/ffmpeg/process.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { opusConfig } from '../../electron/media/opus/dops.ts';
import { frameNumberAt, frameTime } from './frame-code.ts';
import { h264Encoder, OPUS_ENCODER, type InputContext, type InputPlan } from './plan.ts';
import { TestPicture, type TestPictureOptions } from './test-picture.ts';

/** Pictures drawn and not yet encoded; above this the encoder does not keep up, and frames are left out. */
const MAX_BEHIND = 8;

/**
 * Generated pictures: `test:?size=640x360&fps=15&seed=3&label=Yard&audio=1`. Frame n is drawn at UTC n / fps: its number, its time stamp
 * and its `utc` say the same. `code=0` leaves the number out of the picture. @throws CodedError `bad-request`
 */
export function testPlan(source: string, { clock }: InputContext): InputPlan {
  const { audio, ...options } = parseTestSource(source);
  return {
    name: 'The test picture',
    plan: () => {
      const { width, height, fps } = options;
      const drawn: number[] = [];
      const raw = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', String(fps), '-thread_queue_size', '8'];
      const tone = { url: 'sine=frequency=330:sample_rate=48000', options: ['-re', '-f', 'lavfi'] };
      const plan: FeedPlan = {
        inputs: [{ url: 'pipe:0', options: ['-probesize', '32', '-analyzeduration', '0', ...raw] }, ...(audio ? [tone] : [])],
        codecs: [...h264Encoder(options), ...(audio ? ['-filter:a', 'volume=0.05', ...OPUS_ENCODER] : ['-an'])],
        output: { kind: 'packets', audio: audio ? opusConfig(1) : null, maps: { video: '0:v:0', audio: '1:a:0' } },
        feed: (process) => draw(process),
        onUnit: (unit) => retime(unit),
      };
      const picture = new TestPicture(options);
      let first: number | null = null;
      let last: number | null = null;

      function draw(process: FfmpegProcess): () => void {
        let timer = clock.setTimeout(tick, 0);
        function tick() {
          const now = clock.now();
          const number = frameNumberAt(now, fps);
          if (number !== last && drawn.length < MAX_BEHIND) {
            last = number;
            drawn.push(number);
            process.write(new Uint8Array(picture.render(number, now)));
          }
          timer = clock.setTimeout(tick, Math.max(1, frameTime(number + 1, fps, now) - clock.now()));
        }
        return () => timer.cancel();
      }

      /** The encoder gives one frame for each picture, in order: each gets the time of its picture. */
      function retime(unit: AccessUnit): AccessUnit | null {
        if (unit.config.kind !== 'video') return unit;
        const number = drawn.shift();
        if (number === undefined) return null;
        first ??= number - Math.round((unit.pts * fps) / 90_000);
        const pts = pts90k(Math.round(((number - first) * 90_000) / fps));
        return { ...unit, pts, dts: pts, utc: utcMs(frameTime(number, fps, clock.now())) };
      }

      return Promise.resolve(plan);
    },
  };
}

/** @throws CodedError `bad-request` */
function parseTestSource(source: string): TestPictureOptions & { readonly audio: boolean } {
  const query = new URLSearchParams(source.replace(/^test:\??/i, ''));
  const number = (name: string, otherwise: number, least: number, most: number): number => {
    const value = Number(query.get(name) ?? otherwise);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new CodedError('bad-request', `test: ${name} must be a whole number from ${least} to ${most}, as in test:?size=640x360&fps=15.`);
  };
  const [, w, h] = /^(\d{1,4})x(\d{1,4})$/.exec(query.get('size') ?? '640x360') ?? [];
  const [width, height] = [Number(w), Number(h)];
  if (!(width >= 160 && width <= 3840 && height >= 90 && height <= 2160) || width % 2 || height % 2) {
    throw new CodedError('bad-request', 'test: size must be even numbers from 160x90 to 3840x2160, as in test:?size=640x360.');
  }
  const label = (query.get('label') ?? hostname()).slice(0, 40);
  return {
    width,
    height,
    fps: number('fps', 15, 1, 60),
    seed: number('seed', 1, 0, 2 ** 31 - 1),
    label,
    code: number('code', 1, 0, 1) === 1,
    audio: number('audio', 0, 0, 1) === 1,
  };
}
