import type { Clock } from '../base/clock.ts';
import type { AccessUnit } from '../media/access-unit.ts';

export interface ReaderLimits {
  /** Units waiting at most. */
  readonly units: number;
  readonly bytes: number;
  /** The oldest waiting unit may have waited so long, in milliseconds. */
  readonly waitMs: number;
}

export const LIVE_READER_LIMITS: ReaderLimits = { units: 300, bytes: 16 * 1024 * 1024, waitMs: 1500 };

interface Waiting {
  readonly unit: AccessUnit;
  readonly since: number;
}

/**
 * One reader's bounded queue on a camera's video. When the reader is too slow the queue goes on from its newest keyframe,
 * or, if none is waiting, from the next one that comes; what was left out is counted. A gap inside a group is never delivered.
 */
export class StreamReader {
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  readonly #onClose: (reader: StreamReader) => void;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #needsKey = true;
  #droppedSinceRead = 0;
  #closed = false;
  /** Called when something became readable. */
  onReadable: (() => void) | null = null;
  /** Called once, when the reader or its stream is closed. */
  onClosed: (() => void) | null = null;
  /** Units dropped in this reader's life. */
  dropped = 0;

  constructor(clock: Clock, limits: ReaderLimits, onClose: (reader: StreamReader) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onClose = onClose;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(unit: AccessUnit): void {
    if (this.#closed) return;
    if (this.#needsKey && !unit.key) {
      this.#drop(1);
      return;
    }
    this.#needsKey = false;
    this.#waiting.push({ unit, since: this.#clock.monotonic() });
    this.#bytes += unit.data.length;
    if (this.#overflows()) this.#skipToKey();
    if (this.#waiting.length > 0) this.onReadable?.();
  }

  /** The next unit, and how many were left out before it. */
  read(): { unit: AccessUnit; dropped: number } | undefined {
    if (this.#overflows()) this.#skipToKey();
    const next = this.#waiting.shift();
    if (!next) return undefined;
    this.#bytes -= next.unit.data.length;
    const dropped = this.#droppedSinceRead;
    this.#droppedSinceRead = 0;
    return { unit: next.unit, dropped };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#onClose(this);
    this.onClosed?.();
  }

  #overflows(): boolean {
    const oldest = this.#waiting[0];
    if (!oldest) return false;
    const { units, bytes, waitMs } = this.#limits;
    return this.#waiting.length > units || this.#bytes > bytes || this.#clock.monotonic() - oldest.since > waitMs;
  }

  #skipToKey(): void {
    const newestKey = this.#waiting.findLastIndex(({ unit }) => unit.key);
    // Already at the head: the group itself is what does not fit.
    const keepFrom = newestKey > 0 ? newestKey : this.#waiting.length;
    const gone = this.#waiting.splice(0, keepFrom);
    this.#bytes -= gone.reduce((sum, { unit }) => sum + unit.data.length, 0);
    this.#needsKey = this.#waiting.length === 0;
    this.#drop(gone.length);
  }

  #drop(count: number): void {
    this.dropped += count;
    this.#droppedSinceRead += count;
  }
}
