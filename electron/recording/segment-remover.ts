import type { UtcMs } from '../base/units.ts';
import { utcMs } from '../base/units.ts';
import type { GapReason } from '../contract/model.ts';
import type { RemovalCause, RemovedRange, SegmentProofs } from '../segment/proofs.ts';
import type { CameraKey } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';

export interface Removal {
  readonly camera: CameraKey;
  /** Starts of listed segments, in any order; at most some hundreds at a time. Those that are not listed are passed over. */
  readonly starts: readonly UtcMs[];
  readonly why: RemovalCause;
  /** Why the time is missing now; null where it is not, since something better holds it. */
  readonly because: { readonly reason: GapReason; readonly text: string } | null;
  /** Only the files of the storage folders go: what the archive has stays listed, and is played from there. */
  readonly keepArchived?: boolean;
  /** The files stay where they are: their folder is not Keyhole's any more. */
  readonly keepFiles?: boolean;
}

/** Starts looked at between the first and the last that go, to tell what stays in between. */
const MAX_BETWEEN = 10_000;

/** The one way in which segments leave: the proof first, then the rows with a note of the files; `collectGarbage` deletes those. */
export class SegmentRemover {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #proofs: SegmentProofs | null;

  /** @param proofs null: no chain is kept (tests) */
  constructor(storage: Pick<Storage, 'call'>, proofs: SegmentProofs | null = null) {
    this.#storage = storage;
    this.#proofs = proofs;
  }

  /** Returns the bytes that went from the index. Errors: those of the database, and of the disk that holds the proofs. */
  async remove({ camera, starts, why, because, keepArchived = false, keepFiles = false }: Removal): Promise<number> {
    if (starts.length === 0) return 0;
    if (this.#proofs) {
      const ranges = await this.#ranges(camera, starts, keepArchived);
      if (ranges.length > 0) await this.#proofs.removed({ camera, ranges, why });
    }
    return this.#storage.call('deleteSegments', { camera, starts, because, keepArchived, keepFiles });
  }

  /** As few ranges as say it: what stays between two that go parts them. */
  async #ranges(camera: CameraKey, starts: readonly UtcMs[], keepArchived: boolean): Promise<RemovedRange[]> {
    const going = new Set<number>(starts);
    const last = Math.max(...starts);
    const ranges: { first: UtcMs; last: UtcMs; count: number }[] = [];
    let open: { first: UtcMs; last: UtcMs; count: number } | null = null;
    for (let from = Math.min(...starts); ;) {
      const rows = await this.#storage.call('segmentsInRange', { camera, from: utcMs(from), to: utcMs(last + 1), limit: MAX_BETWEEN });
      for (const { start, archive } of rows) {
        if (start < from) continue;
        if (!going.has(start) || (keepArchived && archive !== null)) open = null;
        else if (open) {
          open.last = start;
          open.count += 1;
        } else ranges.push((open = { first: start, last: start, count: 1 }));
      }
      const reached = rows.at(-1);
      if (!reached || rows.length < MAX_BETWEEN) return ranges;
      from = Math.max(from, reached.start) + 1;
    }
  }
}
