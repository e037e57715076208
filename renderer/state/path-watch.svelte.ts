import { asCoded } from '../../electron/contract/client.ts';
import type { CameraId, PathReport } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';

/** Figures change each second; a person who looks at several cameras' ways at once is content with less. */
export const PATH_PACE_MS = 1000;

/** Keeps asking by which way a camera is reached, while somebody looks at it. */
export class PathWatch {
  readonly #link: EngineLink;
  readonly #camera: CameraId;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopClients: () => void;
  #report = $state.raw<PathReport | null>(null);
  #error = $state<string | null>(null);
  #asking = false;
  #closed = false;

  constructor(link: EngineLink, camera: CameraId, paceMs = PATH_PACE_MS) {
    this.#link = link;
    this.#camera = camera;
    this.#timer = setInterval(() => void this.refresh(), paceMs);
    this.#stopClients = link.onClient(() => void this.refresh());
  }

  get report(): PathReport | null {
    return this.#report;
  }

  get error(): string | null {
    return this.#error;
  }

  /** One question at a time: a slow engine is not asked faster than it answers. */
  async refresh(): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    try {
      const report = await this.#link.call('cameras.path', { id: this.#camera });
      if (this.#closed) return;
      this.#report = report;
      this.#error = null;
    } catch (error) {
      if (!this.#closed) this.#error = asCoded(error).message;
    } finally {
      this.#asking = false;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#stopClients();
  }
}
