import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { UtcMs } from '../base/units.ts';
import type { CameraId, RecordingNow } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';

export const recordNowKey = (camera: CameraId): string => `record-now/${camera}`;

/** "Record now" of one camera: kept as a setting with its end, so that a restart does not forget what a person wanted. */
export class RecordNow {
  readonly #options: { camera: CameraId; storage: Pick<Storage, 'call'>; clock: Clock; log: Log; onChanged: () => void };
  #current: RecordingNow['manual'] = null;
  #timer: Timer | null = null;
  /** Somebody decided since the start: what was kept does not matter any more. */
  #decided = false;

  /** @param options.onChanged called whenever it begins, ends, or has another end */
  constructor(options: { camera: CameraId; storage: Pick<Storage, 'call'>; clock: Clock; log: Log; onChanged: () => void }) {
    this.#options = options;
    void this.#restore();
  }

  get current(): RecordingNow['manual'] {
    return this.#current;
  }

  /** @param until null: until it is cancelled */
  async begin(until: UtcMs | null): Promise<void> {
    this.#decided = true;
    this.#set({ until });
    await this.#keep(JSON.stringify({ until }));
  }

  async cancel(): Promise<void> {
    this.#decided = true;
    this.#set(null);
    await this.#keep(null);
  }

  /** Idempotent; what was wanted is still wanted at the next start. */
  close(): void {
    this.#decided = true;
    this.#timer?.cancel();
  }

  async #restore(): Promise<void> {
    const { storage, camera, clock, log } = this.#options;
    try {
      const kept = await storage.call('setting', { key: recordNowKey(camera) });
      if (kept === null || this.#decided) return;
      const { until } = JSON.parse(kept) as { until?: unknown };
      if (until === null || (typeof until === 'number' && until > clock.now())) this.#set({ until: until as UtcMs | null });
      else await this.#keep(null);
    } catch (error) {
      log.warn('whether a person wanted this camera recorded could not be read', { camera, error: String(error) });
    }
  }

  #set(current: RecordingNow['manual']): void {
    const { clock, onChanged } = this.#options;
    this.#timer?.cancel();
    this.#timer = null;
    this.#current = current;
    if (current && current.until !== null) this.#timer = clock.setTimeout(() => void this.cancel(), current.until - clock.now());
    onChanged();
  }

  #keep(value: string | null): Promise<void> {
    const { storage, camera, log } = this.#options;
    return storage
      .call('setSetting', { key: recordNowKey(camera), value })
      .catch((error: unknown) =>
        log.warn('"record now" could not be kept: a restart will not know of it', { camera, error: String(error) }),
      );
  }
}
