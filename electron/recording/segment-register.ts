import type { SegmentProofs } from '../segment/proofs.ts';
import type { UtcMs } from '../base/units.ts';
import type { CameraKey, NewSegment, SegmentRegister } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';
import { removedRanges } from './removed-ranges.ts';

/** Links whose row the database has not taken yet; beyond it the oldest gets a second link, which says the same. */
const MAX_UNLISTED = 4_096;

/** Makes finished files known, whoever made them (recorder, repair, healing): the proof first, then the row. */
export class Register implements SegmentRegister {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #proofs: SegmentProofs | null;
  /** By camera and start: hashes of what has its link and no row, since the database was full or busy. */
  readonly #unlisted = new Map<string, Uint8Array | null>();

  /** @param proofs null: no chain is kept (tests) */
  constructor(storage: Pick<Storage, 'call'>, proofs: SegmentProofs | null = null) {
    this.#storage = storage;
    this.#proofs = proofs;
  }

  async list(segment: NewSegment): Promise<void> {
    if (!this.#proofs) return this.#storage.call('insertSegment', segment);
    const key = `${segment.camera}/${segment.start}/${segment.bytes}`;
    let hash = this.#unlisted.get(key);
    if (hash === undefined) {
      hash = await this.#proofs.sealed(segment);
      this.#unlisted.set(key, hash);
      const oldest = this.#unlisted.keys().next();
      if (this.#unlisted.size > MAX_UNLISTED && !oldest.done) this.#unlisted.delete(oldest.value);
    }
    await this.#storage.call('insertSegment', { ...segment, hash });
    this.#unlisted.delete(key);
  }

  async lost(camera: CameraKey, starts: readonly UtcMs[]): Promise<void> {
    if (!this.#proofs) return;
    const ranges = await removedRanges(this.#storage, camera, starts, ({ archive }) => archive === null);
    if (ranges.length > 0) await this.#proofs.removed({ camera, ranges, why: 'lost' });
  }
}
