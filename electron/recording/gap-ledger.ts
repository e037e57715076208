import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import { SPAN_TOLERANCE_MS, type CameraKey } from '../storage/interface.ts';
import type { Cause } from '../segment/segment-cutter.ts';

/** Gaps that the database could not take yet; beyond it the newest becomes one with the one before it, and is counted. */
const MAX_UNWRITTEN = 64;
/** Footage that begins so long before the end of the last: the clock was set back, milliseconds. */
const SET_BACK_MS = 1_000;
/** Time that nobody meant to record: what lasts behind it has begun when it ended. */
const NOT_OWED: ReadonlySet<Cause['reason']> = new Set(['schedule', 'no-event']);

interface Gap extends Cause {
  readonly start: UtcMs;
  end: UtcMs | null;
  /** Its row, once there is one. */
  key: number | null;
}

/** Why no footage comes in at the moment. */
export interface Interruption extends Cause {
  /** Since when nothing is recorded that should be, whatever the reasons were. */
  readonly since: UtcMs;
}

/**
 * Why one camera's time is missing, stored as it happens. A gap begins where the footage ended (not where the failure was
 * noticed) and ends where it goes on; a change of reason in between begins another. A database that cannot be written to (its disk is full, too)
 * is asked again: the reasons wait.
 */
export class GapLedger {
  readonly counters = { opened: 0, closed: 0, merged: 0, refused: 0 };
  readonly #camera: CameraKey;
  readonly #storage: Pick<Storage, 'call'>;
  readonly #log: Log;
  #recordedTo: UtcMs | null = null;
  #open: Gap | null = null;
  #current: Interruption | null = null;
  #unwritten: Gap[] = [];
  #work: Promise<void> = Promise.resolve();
  #writing = false;

  constructor(camera: CameraKey, storage: Pick<Storage, 'call'>, log: Log) {
    this.#camera = camera;
    this.#storage = storage;
    this.#log = log;
  }

  /** The reason of the gap that lasts, or null while footage comes in. */
  get current(): Interruption | null {
    return this.#current;
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
    this.#recordedTo = last !== null && from > last - SET_BACK_MS ? utcMs(Math.max(last, to)) : to;
    this.retry();
  }

  /** Nothing of [from, to) is recorded. A file of it that is found later needs no reason. */
  lost(from: UtcMs, to: UtcMs, { reason, text }: Cause): void {
    this.#note({ reason, text, start: from, end: to, key: null });
  }

  /** No footage comes in. The first call begins a gap at the end of the footage; another reason begins another gap at `now`. */
  interrupted(now: UtcMs, cause: Cause): void {
    if (this.#open?.reason === cause.reason) return;
    const start = this.#open ? now : utcMs(Math.min(now, this.#recordedTo ?? now));
    const since = this.#current && !NOT_OWED.has(this.#current.reason) ? this.#current.since : start;
    if (this.#open) this.#close(start);
    this.counters.opened += 1;
    const { reason, text } = cause;
    this.#open = { reason, text, start, end: null, key: null };
    this.#current = { reason, text, since };
    this.#note(this.#open);
  }

  /** Asks a database again that could not be written to; costs nothing where nothing waits. To be called now and then. */
  retry(): void {
    if (this.#unwritten.length === 0 || this.#writing) return;
    this.#writing = true;
    this.#work = this.#write().finally(() => (this.#writing = false));
  }

  /** Resolves when what is known so far is stored, or could not be. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#work;
  }

  /** Ends what is open; resolves when everything is stored, or could not be. */
  async close(now: UtcMs): Promise<void> {
    if (this.#open) this.#close(now);
    await this.settled();
  }

  #close(end: UtcMs): void {
    const open = this.#open;
    this.#open = null;
    this.#current = null;
    if (!open) return;
    this.counters.closed += 1;
    open.end = end;
    this.#note(open);
  }

  #add(start: UtcMs, end: UtcMs, cause: Cause | null): void {
    const seconds = Math.round((end - start) / 1000);
    this.lost(start, end, cause ?? { reason: 'source-stalled', text: `No picture came from the camera for ${seconds} s.` });
  }

  #note(gap: Gap): void {
    if (!this.#unwritten.includes(gap)) this.#unwritten.push(gap);
    const [before, last] = this.#unwritten.slice(-2);
    if (this.#unwritten.length > MAX_UNWRITTEN && before && last && last.end !== null && last.key === null) {
      this.counters.merged += 1;
      this.#unwritten.pop();
      before.end = utcMs(Math.max(before.end ?? 0, last.end));
    }
    this.retry();
  }

  /** In order. A failure leaves what could not be written where it is. */
  async #write(): Promise<void> {
    for (let gap = this.#unwritten[0]; gap; gap = this.#unwritten[0]) {
      const { start, end, reason, text } = gap;
      try {
        const row = { camera: this.#camera, start, reason, text };
        if (gap.key !== null && end !== null) await this.#storage.call('closeGap', { gap: gap.key, end });
        else if (end !== null) await this.#storage.call('addGap', { ...row, end });
        else gap.key = await this.#storage.call('openGap', row);
      } catch (error) {
        this.counters.refused += 1;
        this.#log.warn('the reason of a gap could not be stored yet', { error: String(error) });
        return;
      }
      // It may have ended while its beginning was being written.
      if (gap.end === end) this.#unwritten.shift();
    }
  }
}
