import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import { SPAN_TOLERANCE_MS, type CameraKey } from '../storage/interface.ts';
import type { Cause } from '../segment/segment-cutter.ts';

/** Changes of mind about one gap's reason that are not written yet; further ones are left out. */
const MAX_WAITING = 32;

/**
 * Why one camera's time is missing, stored as it happens. A gap begins where the footage ended (not where the failure was
 * noticed) and ends where it goes on; a change of reason in between begins another.
 */
export class GapLedger {
  readonly counters = { opened: 0, closed: 0, skipped: 0 };
  readonly #camera: CameraKey;
  readonly #storage: Pick<Storage, 'call'>;
  readonly #log: Log;
  #recordedTo: UtcMs | null = null;
  #open: (Cause & { readonly start: UtcMs; readonly gap: Promise<number | null> }) | null = null;
  #work: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(camera: CameraKey, storage: Pick<Storage, 'call'>, log: Log) {
    this.#camera = camera;
    this.#storage = storage;
    this.#log = log;
  }

  /** The reason of the gap that lasts, or null while footage comes in. */
  get current(): Cause | null {
    return this.#open;
  }

  /** End of the footage so far, or null if there is none. */
  get recordedTo(): UtcMs | null {
    return this.#recordedTo;
  }

  /** Footage of [from, to) is on disk. `cause`: why there is none right before it, when no gap was noticed. */
  recorded(from: UtcMs, to: UtcMs, cause: Cause | null): void {
    const last = this.#recordedTo;
    if (this.#open) this.#close(from);
    else if (last !== null && from - last > SPAN_TOLERANCE_MS) this.#add(last, from, cause);
    this.#recordedTo = utcMs(Math.max(last ?? 0, to));
  }

  /** No footage comes in. The first call begins a gap at the end of the footage; another reason begins another gap at `now`. */
  interrupted(now: UtcMs, cause: Cause): void {
    if (this.#open?.reason === cause.reason) return;
    if (this.#waiting >= MAX_WAITING) {
      this.counters.skipped += 1;
      return;
    }
    const start = this.#open ? utcMs(Math.max(now, this.#open.start)) : (this.#recordedTo ?? now);
    if (this.#open) this.#close(start);
    this.counters.opened += 1;
    const { reason, text } = cause;
    const gap = this.#enqueue(() => this.#storage.call('openGap', { camera: this.#camera, start, reason, text }));
    this.#open = { reason, text, start, gap };
  }

  /** Resolves when what is known so far is stored. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Ends what is open; resolves when everything is stored. */
  async close(now: UtcMs): Promise<void> {
    if (this.#open) this.#close(now);
    await this.#work;
  }

  #close(end: UtcMs): void {
    const open = this.#open;
    this.#open = null;
    if (!open) return;
    this.counters.closed += 1;
    void this.#enqueue(async () => {
      const gap = await open.gap;
      if (gap !== null) await this.#storage.call('closeGap', { gap, end });
    });
  }

  #add(start: UtcMs, end: UtcMs, cause: Cause | null): void {
    const { reason, text } = cause ?? { reason: 'unknown', text: 'Recording was interrupted for a moment; the cause was not noted.' };
    void this.#enqueue(() => this.#storage.call('addGap', { camera: this.#camera, start, end, reason, text }));
  }

  /** In order; a failure is logged and costs only the words of this gap. */
  #enqueue<T>(step: () => Promise<T>): Promise<T | null> {
    this.#waiting += 1;
    const result = this.#work.then(step).catch((error: unknown) => {
      this.#log.warn('the reason of a gap could not be stored', { error: String(error) });
      return null;
    });
    this.#work = result.then(() => (this.#waiting -= 1));
    return result;
  }
}
