import type { NewSegment, SegmentRegister } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';

/** Makes finished files known, whoever made them: recorder, repair, healing. */
export class Register implements SegmentRegister {
  readonly #storage: Pick<Storage, 'call'>;

  constructor(storage: Pick<Storage, 'call'>) {
    this.#storage = storage;
  }

  async list(segment: NewSegment): Promise<void> {
    await this.#storage.call('insertSegment', segment);
  }
}
