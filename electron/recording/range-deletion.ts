import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, DeletedRange, Span } from '../contract/model.ts';
import type { CameraRow } from '../storage/interface.ts';
import type { Storage } from '../storage/client.ts';
import type { SegmentRemover } from './segment-remover.ts';

/** Segments that go at a time: others wait for the database meanwhile. */
const PAGE = 200;

/** A person deletes a range. Segments go whole: those that hold any of it, but not what is being written. */
export class RangeDeletion {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #remover: Pick<SegmentRemover, 'remove'>;
  readonly #collect: (camera: CameraId, gone: Span) => void;
  readonly #clock: Clock;

  /** @param options.collect deletes the files of what went, in the background */
  constructor(options: {
    readonly storage: Pick<Storage, 'call'>;
    readonly remover: Pick<SegmentRemover, 'remove'>;
    readonly collect: (camera: CameraId, gone: Span) => void;
    readonly clock: Clock;
  }) {
    this.#storage = options.storage;
    this.#remover = options.remover;
    this.#collect = options.collect;
    this.#clock = options.clock;
  }

  /** Only looks with `dryRun`. Errors: `not-found`; `conflict` where something in it is protected: then nothing goes. */
  async delete({ camera: id, dryRun = false, ...range }: Span & { camera: CameraId; dryRun?: boolean | undefined }): Promise<DeletedRange> {
    const camera = await this.#storage.call('camera', { id });
    if (!camera) throw new CodedError('not-found', `There is no camera ${id}.`);
    const found = await this.#walk(camera, range, () => Promise.resolve());
    if (found.segments === 0) return { ...found, from: range.from, to: range.from };
    await this.#refuseProtected(camera, found);
    if (dryRun) return found;
    const text = 'A person deleted the recordings of this time.';
    await this.#walk(camera, range, async (starts) => {
      await this.#remover.remove({ camera: camera.key, starts, why: 'person', because: { reason: 'deleted-by-person', text } });
    });
    this.#collect(id, found);
    return found;
  }

  async #walk(camera: CameraRow, { from, to }: Span, each: (starts: UtcMs[]) => Promise<void>): Promise<DeletedRange> {
    let [first, last]: [number, number] = [Infinity, 0];
    let [segments, bytes] = [0, 0];
    for (let next: number = from; next < to;) {
      const rows = await this.#storage.call('segmentsInRange', { camera: camera.key, from: utcMs(next), to, limit: PAGE });
      // Of those that reach into the page from before, the page before has seen all but, in the first, the ones that count.
      const fresh = rows.filter((row) => next === from || row.start >= next);
      if (fresh.length > 0) await each(fresh.map((row) => row.start));
      for (const row of fresh) {
        first = Math.min(first, row.start);
        last = Math.max(last, row.end);
        segments += 1;
        bytes += row.bytes;
      }
      const end = rows.at(-1);
      if (!end || rows.length < PAGE) break;
      next = Math.max(next, end.start) + 1;
    }
    return { from: utcMs(Math.min(first, last)), to: utcMs(last), segments, bytes };
  }

  async #refuseProtected(camera: CameraRow, { from, to }: Span): Promise<void> {
    const kept = await this.#storage.call('protectedIn', { camera: camera.key, from, to, at: this.#clock.now() });
    const first = kept[0];
    if (!first) return;
    const name = first.text ? `"${first.text}"` : `${new Date(first.from).toISOString()} to ${new Date(first.to).toISOString()}`;
    const more = kept.length > 1 ? ` and ${kept.length - 1} more` : '';
    throw new CodedError(
      'conflict',
      `Nothing was deleted: recordings of this time are protected (${first.kind} ${name}${more}). Let the protection go first, or choose another time.`,
    );
  }
}
