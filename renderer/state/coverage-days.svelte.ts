import type { CameraId, DayCoverage } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import type { Cameras } from './cameras.svelte.ts';

/** Sums of days change slowly. */
const REFRESH_MS = 60_000;
/** Of many changes in a row the days are summed up once. */
const SETTLE_MS = 1_000;
const DAYS = 30;

/** How much of each of the last days is recorded, of one camera. */
export class CoverageDays {
  readonly #link: EngineLink;
  readonly #camera: CameraId;
  readonly #zone: string;
  readonly #stops: (() => void)[];
  #days = $state.raw<readonly DayCoverage[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #again = false;
  #closed = false;

  constructor(link: EngineLink, cameras: Cameras, camera: CameraId, zone: string) {
    this.#link = link;
    this.#camera = camera;
    this.#zone = zone;
    const refresh = setInterval(() => void this.refresh(), REFRESH_MS);
    this.#stops = [
      () => clearInterval(refresh),
      link.onClient(() => void this.refresh()),
      // A camera that has just begun is not left at nothing for a minute.
      cameras.onRecordingAdded((added) => {
        if (added.camera === camera && this.#days.at(-1)?.recordedMs === 0) this.#soon();
      }),
      cameras.onRecordingRemoved((removed) => {
        if (removed.camera === camera) this.#soon();
      }),
    ];
  }

  /** The oldest first, today last; empty until the engine has answered. */
  get list(): readonly DayCoverage[] {
    return this.#days;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, SETTLE_MS);
  }

  /** One question at a time; what is asked meanwhile is asked once more behind it. */
  async refresh(): Promise<void> {
    this.#again = this.#asking;
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    try {
      const days = await this.#link.call('coverage.days', { camera: this.#camera, days: DAYS, timeZone: this.#zone });
      if (!this.#closed) this.#days = days;
    } catch {
      // Asked again in a minute, or when the engine is back.
    } finally {
      this.#asking = false;
      if (this.#again) void this.refresh();
    }
  }
}
