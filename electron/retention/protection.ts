import { CodedError } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';
import type { CameraId, ProtectedKind, ProtectedRange } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import type { ProtectedRow } from '../storage/retention-calls.ts';

/** Footage that is kept whatever the retention says. */
export class Protection {
  readonly #storage: Pick<Storage, 'call'>;
  /** Something may be deleted now that could not be before. */
  readonly #released: () => void;

  constructor(storage: Pick<Storage, 'call'>, released: () => void) {
    this.#storage = storage;
    this.#released = released;
  }

  /** Errors: `not-found` for the camera, `bad-request` for an empty range, `conflict` when there are too many. */
  async add(args: {
    readonly camera: CameraId;
    readonly from: UtcMs;
    readonly to: UtcMs;
    readonly until?: UtcMs | null | undefined;
    readonly kind?: ProtectedKind | undefined;
    readonly text?: string | undefined;
  }): Promise<ProtectedRange> {
    const { from, to, until = null, kind = 'bookmark', text = '' } = args;
    if (to <= from) throw new CodedError('bad-request', 'The range to be kept is empty: its end must be later than its begin.');
    const camera = await this.#camera(args.camera);
    const row = await this.#storage.call('addProtected', { camera: camera.key, start: from, end: to, until, kind, text });
    return rangeOf(row, camera.id);
  }

  /** In the order of their begin. */
  async list(args: {
    readonly camera?: CameraId | undefined;
    readonly from?: UtcMs | undefined;
    readonly to?: UtcMs | undefined;
  }): Promise<readonly ProtectedRange[]> {
    const { from, to } = args;
    const only = args.camera === undefined ? undefined : (await this.#camera(args.camera)).key;
    const cameras = new Map((await this.#storage.call('cameras', { removed: true })).map(({ key, id }) => [key, id]));
    const rows = await this.#storage.call('protectedRanges', { camera: only, from, to });
    return rows.flatMap((row) => {
      const id = cameras.get(row.camera);
      return id === undefined ? [] : [rangeOf(row, id)];
    });
  }

  /** Errors: `not-found`. */
  async remove(key: number): Promise<void> {
    if (!(await this.#storage.call('removeProtected', { key }))) throw new CodedError('not-found', `There is no protected range ${key}.`);
    this.#released();
  }

  async #camera(id: CameraId): Promise<CameraRow> {
    const camera = await this.#storage.call('camera', { id });
    if (!camera) throw new CodedError('not-found', `There is no camera ${id}.`);
    return camera;
  }
}

function rangeOf({ key, start: from, end: to, until, kind, text }: ProtectedRow, camera: CameraId): ProtectedRange {
  return { key, camera, from, to, until, kind, text };
}
