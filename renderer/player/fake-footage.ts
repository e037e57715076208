import { utcMs, type CameraId, type Gop, type GopGap, type Span, type UtcMs } from '../../electron/contract/model.ts';
import type { FetchGop, Footage } from './gop-cache.ts';

export const GOP_MS = 1000;
export const FRAME_MS = 100;
export const CONFIG = { codecString: 'avc1.640028', description: '', width: 640, height: 360 };

/** For tests: recordings with a group of ten pictures each second, and gaps between the given spans. */
export class FakeFootage {
  spans: Span[];
  readonly asked: UtcMs[] = [];
  /** Groups with this start hold pictures out of order, as B-frames make them. */
  reordered = false;
  bytesPerFrame = 10;

  constructor(...spans: (readonly [from: number, to: number])[]) {
    this.spans = spans.map(([from, to]) => ({ from: utcMs(from), to: utcMs(to) }));
  }

  readonly fetch: FetchGop = (_camera: CameraId, at: UtcMs) => {
    this.asked.push(at);
    return Promise.resolve(this.at(at));
  };

  at(at: UtcMs): Footage {
    const span = this.spans.find(({ from, to }) => from <= at && at < to);
    return span ? this.#group(span, at) : this.#gap(at);
  }

  #group(span: Span, at: UtcMs): Footage {
    const from = utcMs(span.from + Math.floor((at - span.from) / GOP_MS) * GOP_MS);
    const to = utcMs(Math.min(span.to, from + GOP_MS));
    const frames: { at: UtcMs; key: boolean; bytes: number }[] = [];
    for (let time = from; time < to; time = utcMs(time + FRAME_MS))
      frames.push({ at: time, key: time === from, bytes: this.bytesPerFrame });
    if (this.reordered)
      for (let i = 1; i + 1 < frames.length; i += 2)
        frames.splice(i, 2, ...[frames[i + 1], frames[i]].filter((frame) => frame !== undefined));
    const gop: Gop = { kind: 'gop', from, to, config: CONFIG, frames };
    return { gop, bytes: new Uint8Array(frames.length * this.bytesPerFrame) };
  }

  #gap(at: UtcMs): GopGap {
    const previous = this.spans.findLast(({ to }) => to <= at)?.to ?? null;
    const next = this.spans.find(({ from }) => from > at)?.from ?? null;
    return {
      kind: 'gap',
      from: previous ?? utcMs(0),
      to: next ?? utcMs(at + 60_000),
      reason: 'session-lost',
      text: 'The connection broke.',
      previous,
      next,
    };
  }
}
