import { delay, type Clock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import type { Span } from '../contract/model.ts';
import type { SegmentRemover } from '../recording/segment-remover.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { OldSegment } from '../storage/retention-calls.ts';

/** Rows of one transaction. It holds up every other query while it lasts: a few milliseconds. */
export const BATCH = 200;
/** Between two batches the disk and the database belong to the recording for as long as the last batch took, and no less than this, ms. */
const LEAST_PAUSE_MS = 5;
/** A batch that took this long met a disk in trouble; it is not waited for longer, ms. */
const LONGEST_PAUSE_MS = 2_000;

export interface EraserOptions {
  readonly remover: Pick<SegmentRemover, 'remove'>;
  readonly clock: Clock;
  /** Footage of this camera is not there any more. */
  readonly erased: (camera: CameraKey, span: Span) => void;
}

/** Deletes rows a batch at a time, half of the time at most. The files follow: recording/garbage.ts. */
export class Eraser {
  readonly counters = { segments: 0, bytes: 0, batches: 0 };
  readonly #options: EraserOptions;
  #stopped = false;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped = true;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** The segments of any cameras, at most BATCH of them. Returns the bytes that go from the disk. */
  async erase(rows: readonly OldSegment[], text: string): Promise<number> {
    const began = performance.now();
    let bytes = 0;
    for (const [camera, list] of byCamera(rows)) {
      if (this.#stopped) return bytes;
      const because = { reason: 'deleted-by-retention', text } as const;
      bytes += await this.#options.remover.remove({
        camera,
        starts: list.map(({ start }) => start),
        why: 'retention',
        because,
        keepArchived: true,
      });
      this.counters.segments += list.length;
      const from = utcMs(Math.min(...list.map(({ start }) => start)));
      this.#options.erased(camera, { from, to: utcMs(Math.max(...list.map(({ end }) => end))) });
    }
    this.counters.bytes += bytes;
    this.counters.batches += 1;
    await this.pause(performance.now() - began);
    return bytes;
  }

  pause = (tookMs: number): Promise<void> => pauseAfter(this.#options.clock, tookMs);
}

/** As long as the work before took. */
export function pauseAfter(clock: Clock, tookMs: number): Promise<void> {
  return delay(clock, Math.min(Math.max(tookMs, LEAST_PAUSE_MS), LONGEST_PAUSE_MS));
}

function byCamera(rows: readonly OldSegment[]): Map<CameraKey, OldSegment[]> {
  const result = new Map<CameraKey, OldSegment[]>();
  for (const row of rows) result.set(row.camera, [...(result.get(row.camera) ?? []), row]);
  return result;
}
