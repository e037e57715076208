import type { UtcMs } from '../base/units.ts';
import type { GapReason } from '../contract/model.ts';
import type { RemovalCause, SegmentProofs } from '../segment/proofs.ts';
import type { CameraKey } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import { removedRanges } from './removed-ranges.ts';

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
      const ranges = await removedRanges(this.#storage, camera, starts, ({ archive }) => !keepArchived || archive === null);
      if (ranges.length > 0) await this.#proofs.removed({ camera, ranges, why });
    }
    return this.#storage.call('deleteSegments', { camera, starts, because, keepArchived, keepFiles });
  }
}
