import type { UtcMs } from '../../electron/contract/model.ts';

/** Where a live tile's pictures go. Each picture given is closed, painted or not. */
export interface FrameSink {
  paint(frame: VideoFrame, at: UtcMs): void;
  /** Pictures left out because the one before was not taken yet. */
  readonly dropped: number;
  close(): void;
}

/** Into a MediaStreamTrackGenerator, shown by a <video>: the cheapest way to the screen. */
export class TrackSink implements FrameSink {
  readonly #writer: WritableStreamDefaultWriter<VideoFrame>;
  #painted: () => void;
  dropped = 0;

  constructor(writable: WritableStream<VideoFrame>, onWritten: () => void) {
    this.#writer = writable.getWriter();
    this.#painted = onWritten;
  }

  paint(frame: VideoFrame): void {
    if ((this.#writer.desiredSize ?? 0) <= 0) {
      this.dropped += 1;
      frame.close();
      return;
    }
    this.#writer
      .write(frame)
      .then(() => this.#painted())
      .catch(() => {})
      .finally(() => frame.close());
  }

  close(): void {
    this.#painted = () => {};
    this.#writer.close().catch(() => {});
  }
}

/** Onto a canvas: where the browser has no generator. */
export class CanvasSink implements FrameSink {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D | null;
  readonly #painted: (at: UtcMs) => void;
  readonly dropped = 0;

  constructor(canvas: OffscreenCanvas, onPainted: (at: UtcMs) => void) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.#painted = onPainted;
  }

  paint(frame: VideoFrame, at: UtcMs): void {
    drawFrame(this.#canvas, this.#context, frame);
    frame.close();
    this.#painted(at);
  }

  close(): void {}
}

/** Draws at the video's own size; the page scales. Does not close the frame. */
export function drawFrame(canvas: OffscreenCanvas, context: OffscreenCanvasRenderingContext2D | null, frame: VideoFrame): void {
  if (canvas.width !== frame.displayWidth || canvas.height !== frame.displayHeight) {
    canvas.width = frame.displayWidth;
    canvas.height = frame.displayHeight;
  }
  context?.drawImage(frame, 0, 0);
}
