import type { CameraId, UtcMs } from '../../electron/contract/model.ts';
import type { LiveStats } from '../player/live-messages.ts';
import type { LiveHandle, LiveScreens } from '../player/live-pool.ts';

/** A picture that has not changed for so long is not live any more, whatever the camera says. */
export const STALLED_MS = 5000;

/** One live tile: what its player tells. The time of each picture goes to `onPainted`, past the reactive state: it is 25 times a second. */
export class LivePicture {
  readonly #onPainted: (at: UtcMs) => void;
  #handle: LiveHandle | undefined;
  #lastPainted = 0;
  /** The stream ended, and has not begun anew. */
  #over = false;
  #started = $state(false);
  #unsupported = $state<string | null>(null);
  #ended = $state<string | null>(null);
  #stats = $state.raw<LiveStats | null>(null);

  constructor(onPainted: (at: UtcMs) => void) {
    this.#onPainted = onPainted;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Why this window cannot show the camera. */
  get unsupported(): string | null {
    return this.#unsupported;
  }

  /** Why the engine ended the stream. */
  get ended(): string | null {
    return this.#ended;
  }

  get stats(): LiveStats | null {
    return this.#stats;
  }

  /** Milliseconds since the last picture; null before the first. `now` is this machine's clock. */
  silentFor(now: number): number | null {
    return this.#started ? Math.max(0, now - this.#lastPainted) : null;
  }

  /** Begins to stream into `host`; the returned function ends it. */
  open(pool: LiveScreens, camera: CameraId, host: HTMLElement): () => void {
    const handle = pool.open(camera, {
      painted: (at) => {
        this.#lastPainted = Date.now();
        // The screen may be quicker than the worker's word that pictures have begun.
        if (!this.#over) this.#started = true;
        this.#onPainted(at);
      },
      started: () => {
        this.#lastPainted = Date.now();
        this.#over = false;
        this.#started = true;
        this.#unsupported = null;
        this.#ended = null;
      },
      stats: (stats) => (this.#stats = stats),
      unsupported: (text) => (this.#unsupported = text),
      ended: (text) => {
        this.#over = true;
        this.#started = false;
        this.#ended = text;
      },
    });
    this.#handle = handle;
    host.replaceChildren(handle.element);
    return () => {
      handle.close();
      handle.element.remove();
      this.#handle = undefined;
      this.#started = false;
    };
  }

  /** Nothing is fetched or decoded while nobody can see it. */
  setVisible(visible: boolean): void {
    if (visible) this.#handle?.resume();
    else {
      this.#handle?.pause();
      this.#started = false;
    }
  }
}
