import type { CameraId, UtcMs } from '../../electron/contract/model.ts';
import { isPlaybackReport, type PlaybackCommand, type PlaybackReport } from './playback-messages.ts';

export type PlaybackListener = (report: PlaybackReport) => void;

/** What is used of a Worker. */
export interface PlaybackWorker {
  postMessage(message: PlaybackCommand, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

type Waiting = { readonly what: 'scrub'; readonly at: UtcMs } | { readonly what: 'step'; readonly frames: number };

/**
 * The page's end of a playback worker. Numbers the commands, drops what older ones still report, and paces those that
 * come faster than pictures do: while one is on its way, only the newest scrub position, or the sum of the steps, waits.
 */
export class PlaybackPlayer {
  readonly #worker: PlaybackWorker;
  readonly #listener: PlaybackListener;
  #generation = 0;
  /** A picture was asked for and nothing has come of it yet. */
  #busy = false;
  #waiting: Waiting | undefined;
  #closed = false;

  constructor(worker: PlaybackWorker, camera: CameraId, canvas: OffscreenCanvas, listener: PlaybackListener) {
    this.#worker = worker;
    this.#listener = listener;
    worker.addEventListener('message', (event) => {
      if (isPlaybackReport(event.data)) this.#receive(event.data);
    });
    worker.postMessage({ playback: 'open', camera, canvas }, [canvas]);
  }

  get busy(): boolean {
    return this.#busy;
  }

  seek(at: UtcMs): void {
    this.#ask({ playback: 'seek', generation: ++this.#generation, at, scrub: false });
  }

  scrub(at: UtcMs): void {
    if (this.#busy) this.#waiting = { what: 'scrub', at };
    else this.#ask({ playback: 'seek', generation: ++this.#generation, at, scrub: true });
  }

  step(frames: number): void {
    const before = this.#waiting?.what === 'step' ? this.#waiting.frames : 0;
    if (this.#busy) this.#waiting = { what: 'step', frames: before + frames };
    else this.#ask({ playback: 'step', generation: ++this.#generation, frames });
  }

  /** Only from a picture that is there: to be called when nothing is on its way. */
  play(rate: number): void {
    this.#waiting = undefined;
    this.#send({ playback: 'play', generation: ++this.#generation, rate });
  }

  pause(): void {
    this.#waiting = undefined;
    this.#busy = false;
    this.#send({ playback: 'pause', generation: ++this.#generation });
  }

  close(): void {
    if (this.#closed) return;
    this.#send({ playback: 'close' });
    this.#closed = true;
  }

  #ask(command: PlaybackCommand): void {
    this.#waiting = undefined;
    this.#busy = true;
    this.#send(command);
  }

  #send(command: PlaybackCommand): void {
    if (!this.#closed) this.#worker.postMessage(command);
  }

  #receive(report: PlaybackReport): void {
    if (this.#closed) return;
    if (report.generation !== this.#generation) {
      // A picture that was on its way is on the screen all the same; it ends nothing that was asked since.
      if (report.playback === 'painted') this.#listener({ ...report, exact: false });
      return;
    }
    const done = report.playback === 'painted' ? report.exact || this.#waiting !== undefined : endsWithoutPicture(report);
    if (done) this.#busy = false;
    this.#listener(report);
    if (!done || this.#busy) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting?.what === 'scrub') this.scrub(waiting.at);
    else if (waiting?.what === 'step' && waiting.frames !== 0) this.step(waiting.frames);
  }
}

function endsWithoutPicture(report: PlaybackReport): boolean {
  return report.playback === 'failed' || (report.playback === 'gap' && report.jumpedTo === null);
}
