import type { Clock } from '../base/clock.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { Storage } from '../storage/client.ts';
import type { KnownArchive } from './book.ts';
import { objectName } from './notes.ts';

const DAY_MS = 86_400_000;
/** Rows, and objects, at a time: other queries wait meanwhile. */
const AT_ONCE = 200;
const END_OF_TIME = utcMs(8.64e15);

const BECAUSE = {
  reason: 'deleted-by-retention',
  text: 'This time was in the archive only, and was deleted there because the archive keeps no more.',
} as const;

/** Rows that nothing but the archive has leave the index, with whatever must know of it. */
export type RemoveRows = (args: {
  readonly camera: CameraKey;
  readonly starts: readonly UtcMs[];
  readonly because: { readonly reason: 'deleted-by-retention'; readonly text: string };
}) => Promise<unknown>;

export interface ExpiryLimits {
  readonly keepDays: number | null;
  readonly keepBytes: number | null;
}

/**
 * What the archive keeps no longer: rows first (those that only the archive has leave a gap that says so; protected ranges stay), with a
 * note of their objects in the same transaction; then the objects, then the note.
 */
export class Expiry {
  readonly counters = { expired: 0, objects: 0 };
  readonly #storage: Pick<Storage, 'call'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #remove: RemoveRows;

  constructor(storage: Pick<Storage, 'call'>, clock: Pick<Clock, 'now'>, remove: RemoveRows) {
    this.#storage = storage;
    this.#clock = clock;
    this.#remove = remove;
  }

  /** One step of at most AT_ONCE rows. True when there is more to do. */
  async expire({ number }: KnownArchive, { keepDays, keepBytes }: ExpiryLimits): Promise<boolean> {
    const now = this.#clock.now();
    if (keepDays !== null) {
      const before = utcMs(Math.round(now - keepDays * DAY_MS));
      const old = await this.#oldest(number, before, now);
      await this.#forget(number, old);
      if (old.length > 0) return old.length === AT_ONCE;
    }
    if (keepBytes === null) return false;
    const { there } = await this.#storage.call('archiveFigures', { cameras: [], archive: number });
    let over = there.bytes - keepBytes;
    if (over <= 0) return false;
    const oldest = await this.#oldest(number, END_OF_TIME, now);
    const chosen = oldest.filter(({ bytes }) => {
      if (over <= 0) return false;
      over -= bytes;
      return true;
    });
    await this.#forget(number, chosen);
    return over > 0 && oldest.length === AT_ONCE;
  }

  /** Objects that no row speaks of any more: one request of at most AT_ONCE. True when there is more to do. Throws what the archive says. */
  async collect({ number, store }: KnownArchive, signal: AbortSignal): Promise<boolean> {
    const objects = await this.#storage.call('archiveGarbage', { archive: number, limit: AT_ONCE });
    if (objects.length === 0) return false;
    await store.remove(
      objects.map(({ camera, start, origin }) => objectName(camera, start, origin)),
      signal,
    );
    await this.#storage.call('archiveDropGarbage', { archive: number, objects });
    this.counters.objects += objects.length;
    return objects.length === AT_ONCE;
  }

  #oldest(archive: number, before: UtcMs, now: UtcMs) {
    return this.#storage.call('archiveOldest', { archive, before, now: utcMs(Math.round(now)), limit: AT_ONCE });
  }

  async #forget(archive: number, rows: readonly ExpiredRow[]): Promise<void> {
    for (const local of [true, false]) {
      for (const [camera, starts] of byCamera(rows.filter((row) => row.local === local))) {
        if (local) await this.#storage.call('archiveRelease', { archive, camera, starts });
        else await this.#remove({ camera, starts, because: BECAUSE });
      }
    }
    this.counters.expired += rows.length;
  }
}

interface ExpiredRow {
  readonly camera: CameraKey;
  readonly start: UtcMs;
  readonly local: boolean;
}

function byCamera(rows: readonly ExpiredRow[]): Map<CameraKey, UtcMs[]> {
  const starts = new Map<CameraKey, UtcMs[]>();
  for (const { camera, start } of rows) starts.set(camera, [...(starts.get(camera) ?? []), start]);
  return starts;
}
