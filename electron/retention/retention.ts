import type { Clock, Timer } from '../base/clock.ts';
import { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, FolderKey, Span, StorageFloor } from '../contract/model.ts';
import type { FolderWatch } from '../recording/folder-watch.ts';
import type { StorageFolders } from '../recording/folders.ts';
import { forgetRemoved } from '../recording/forgotten-cameras.ts';
import { collectGarbage } from '../recording/garbage.ts';
import type { SegmentRemover } from '../recording/segment-remover.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { FolderPosition, OldSegment } from '../storage/retention-calls.ts';
import { BATCH, Eraser } from './eraser.ts';
import { floorBytes, marginBytes } from './floor.ts';
import { tidyLedger } from './ledger-tidying.ts';
import { DAY_MS, keptBy, ruleOf, type CameraRule } from './rules.ts';
import { beyondBytes, FOR_SPACE, gigabytes, olderThan } from './words.ts';

/** How often free space is looked after, milliseconds. */
const SPACE_MS = 10_000;
/** How often ages and the bytes of cameras are, milliseconds. */
const AGE_MS = 60_000;
/** How often the search begins at the oldest segment again, which finds what is not protected any more; and old reasons are tidied up, ms. */
const AGAIN_MS = 3_600_000;
/** Footage of events that is to be kept longer goes only when nothing else but that of so short a time is left, milliseconds. */
const LAST_MS = DAY_MS;
/** So many times in a row deleting brought no space: somebody else holds it (snapshots). Then it is not tried again for an hour. */
const FRUITLESS = 3;

export interface RetentionOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly remover: Pick<SegmentRemover, 'remove'>;
  readonly folders: Pick<StorageFolders, 'all' | 'root' | 'run' | 'watches'>;
  readonly clock: Clock;
  readonly log: Log;
  /** As it is now. */
  readonly floor: () => StorageFloor | null;
  readonly erased?: (camera: CameraId, span: Span) => void;
}

/** Deletes what is too old, too much, or in the way, oldest first; never what is protected. Slowly enough not to disturb the recording. */
export class Retention {
  /** What a person should know of a folder changed. */
  readonly warned = new Emitter<void>();
  readonly #options: RetentionOptions;
  readonly #eraser: Eraser;
  readonly #warnings = new Map<FolderKey, string>();
  readonly #ids = new Map<CameraKey, CameraId>();
  /** Everything older is gone, or is kept. */
  readonly #reached = {
    cameras: new Map<CameraKey, UtcMs>(),
    bytes: [new Map<CameraKey, UtcMs>(), new Map<CameraKey, UtcMs>()] as const,
    folders: new Map<FolderKey, FolderPosition>(),
  };
  readonly #fruitless = new Map<FolderKey, number>();
  #forgotten = 0;
  #againAt = 0;
  #ageAt = 0;
  #timer: Timer | null = null;
  #work: Promise<void> | null = null;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const { remover, clock } = options;
    const erased = (camera: CameraKey, span: Span) => {
      const id = this.#ids.get(camera);
      if (id !== undefined) options.erased?.(id, span);
    };
    this.#eraser = new Eraser({ remover, clock, erased });
  }

  /** `forgotten`: segments of cameras that were removed with their recordings. */
  get counters(): Readonly<Record<'segments' | 'bytes' | 'batches' | 'forgotten', number>> {
    return { ...this.#eraser.counters, forgotten: this.#forgotten };
  }

  /** Why a folder cannot be kept free; null while it can. */
  warning(folder: FolderKey): string | null {
    return this.#warnings.get(folder) ?? null;
  }

  /** Idempotent. */
  start(): void {
    if (!this.#timer && !this.#closed) this.#arm();
  }

  /** Idempotent; resolves when nothing is being deleted any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#eraser.stop();
    this.#timer?.cancel();
    this.#timer = null;
    await this.#work;
  }

  /** Settings changed, a range is not protected any more, files are to be deleted: all of it is looked at anew, soon. */
  wake(): void {
    this.#againAt = this.#ageAt = 0;
    void this.run();
  }

  /** All there is to be done now; one run at a time. Never rejects. */
  run(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#work ??= this.#run()
      .catch((error: unknown) => this.#options.log.warn('old recordings could not be deleted yet', { error: String(error) }))
      .finally(() => (this.#work = null));
    return this.#work;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.run();
      this.#arm();
    }, SPACE_MS);
  }

  async #run(): Promise<void> {
    const { storage, clock } = this.#options;
    const now = utcMs(Math.round(clock.now()));
    const again = clock.monotonic() >= this.#againAt;
    if (again) {
      this.#againAt = clock.monotonic() + AGAIN_MS;
      const { cameras, bytes, folders } = this.#reached;
      for (const position of [cameras, ...bytes, folders]) position.clear();
      this.#fruitless.clear();
    }
    await this.#forget();
    const cameras = await storage.call('cameras', { removed: true });
    for (const { key, id } of cameras) this.#ids.set(key, id);
    const rules = cameras.map((camera) => ruleOf(camera, now));
    for (const watch of this.#options.folders.watches) await this.#keepFree(watch, rules, now);
    if (clock.monotonic() >= this.#ageAt) {
      this.#ageAt = clock.monotonic() + AGE_MS;
      await storage.call('forgetProtected', { now });
      for (const rule of rules) {
        await this.#deleteOld(rule, now);
        await this.#deleteBeyond(rule, now);
      }
    }
    await this.#collect();
    if (again && !this.#closed) await tidyLedger(storage, cameras, now, () => this.#closed);
  }

  async #deleteOld(rule: CameraRule, now: UtcMs): Promise<void> {
    const { before, camera } = rule;
    if (before === null) return;
    const { storage } = this.#options;
    const kept = keptBy([rule], now);
    for (let from: UtcMs | null = this.#reached.cameras.get(camera.key) ?? utcMs(0); from !== null && !this.#closed;) {
      this.#reached.cameras.set(camera.key, from);
      const { rows, next }: { rows: readonly OldSegment[]; next: UtcMs | null } = await storage.call('oldSegments', {
        camera: camera.key,
        from,
        before,
        kept,
        limit: BATCH,
      });
      if (rows.length > 0) await this.#eraser.erase(rows, olderThan(camera.recording.keepDays ?? 0));
      from = next;
    }
  }

  async #deleteBeyond(rule: CameraRule, now: UtcMs): Promise<void> {
    const { camera } = rule;
    const { keepBytes } = camera.recording;
    if (keepBytes === null) return;
    const { storage } = this.#options;
    const usage = (await storage.call('usage', {})).filter((row) => row.camera === camera.key && row.folder !== null);
    let excess = usage.reduce((sum, { bytes }) => sum + bytes, 0) - keepBytes;
    // First what no event asks for, but for the last day of it; then whatever is oldest.
    const [sparing, all] = this.#reached.bytes;
    for (const [before, events, reached] of [[utcMs(now - LAST_MS), [rule], sparing] as const, [utcMs(now + LAST_MS), [], all] as const]) {
      for (let from: UtcMs | null = reached.get(camera.key) ?? utcMs(0); from !== null && excess > 0 && !this.#closed;) {
        reached.set(camera.key, from);
        const { rows, next }: { rows: readonly OldSegment[]; next: UtcMs | null } = await storage.call('oldSegments', {
          camera: camera.key,
          from,
          before,
          kept: keptBy(events, now),
          limit: BATCH,
        });
        const going = enough(rows, excess);
        if (going.length > 0) excess -= await this.#eraser.erase(going, beyondBytes(keepBytes));
        from = next;
      }
    }
  }

  async #keepFree(watch: FolderWatch, rules: readonly CameraRule[], now: UtcMs): Promise<void> {
    if (!watch.connected || watch.state === 'read-only' || watch.state === 'failed') return;
    const { key, root } = watch.folder;
    await watch.look();
    if (!watch.space) return;
    const floor = floorBytes(watch.space.total, this.#options.floor());
    // What is to be deleted anyway comes before what is still wanted.
    if (watch.space.free < floor && (await this.#collect(key)) > 0) await watch.look();
    const { space } = watch;
    if (!space || space.free >= floor) {
      // Some file systems free what was deleted a while later.
      this.#fruitless.delete(key);
      return this.#warn(key, null);
    }
    if ((this.#fruitless.get(key) ?? 0) >= FRUITLESS)
      return this.#warn(
        key,
        `Deleting recordings on the disk of ${root} brings no space: does something (snapshots?) hold on to what is deleted?`,
      );
    const needed = floor + marginBytes(floor) - space.free;
    let deleted = 0;
    for (const [before, kept] of [[utcMs(now - LAST_MS), rules] as const, [utcMs(now + LAST_MS), []] as const]) {
      let after: FolderPosition | null = kept.length > 0 ? (this.#reached.folders.get(key) ?? null) : null;
      for (let more = true; more && deleted < needed && !this.#closed;) {
        const found: { rows: readonly OldSegment[]; next: FolderPosition | null } = await this.#options.storage.call('oldestInFolder', {
          folder: key,
          after,
          before,
          kept: keptBy(kept, now),
          limit: BATCH,
        });
        const going = enough(found.rows, needed - deleted);
        if (going.length > 0) deleted += await this.#eraser.erase(going, FOR_SPACE);
        if (going.length < found.rows.length) break;
        more = found.next !== null;
        after = found.next;
        if (kept.length > 0 && after) this.#reached.folders.set(key, after);
      }
    }
    await this.#collect(key);
    await watch.look();
    await this.#tellSpace(watch, { floor, deleted, needed, before: space.free });
  }

  async #tellSpace(
    watch: FolderWatch,
    { floor, deleted, needed, before }: { floor: number; deleted: number; needed: number; before: number },
  ): Promise<void> {
    const { key, root } = watch.folder;
    const free = watch.space?.free ?? 0;
    const brought = free - before >= deleted * 0.1;
    this.#fruitless.set(key, deleted > 0 && !brought ? (this.#fruitless.get(key) ?? 0) + 1 : 0);
    if (deleted >= needed) return this.#warn(key, null);
    if (free >= floor) return this.#warn(key, null);
    const left = (await this.#options.storage.call('usage', {})).filter(({ folder, segments }) => folder === key && segments > 0);
    const bytes = left.reduce((sum, row) => sum + row.bytes, 0);
    this.#warn(
      key,
      bytes > 0
        ? `Only protected recordings (${gigabytes(bytes)}) are left in ${root}, and its disk is nearly full (${gigabytes(free)} free): let some of them go, or recording there will stop.`
        : `The disk of ${root} is nearly full (${gigabytes(free)} free), and no recording is left there to delete: other files take the space.`,
    );
  }

  /** First of all: it is what a person asked for, and may bring the space that others would have to give. */
  async #forget(): Promise<void> {
    const { storage, log } = this.#options;
    const stopped = () => this.#closed;
    const forgot = (segments: number) => (this.#forgotten += segments);
    try {
      await forgetRemoved({ storage, log, pause: this.#eraser.pause, stopped, forgot });
    } catch (error) {
      log.warn('a removed camera could not be taken out of the index yet', { error: String(error) });
    }
  }

  /** Files whose rows are gone, until none is left that can be deleted. Returns how many notes of them went. */
  async #collect(folder?: FolderKey): Promise<number> {
    const { storage, folders, log, clock } = this.#options;
    const only = folder === undefined ? {} : { folder };
    const stopped = () => this.#closed;
    let sum = 0;
    for (let deleted = 1; deleted > 0 && !stopped(); sum += deleted)
      deleted = await collectGarbage({ storage, folders, log, clock, pause: this.#eraser.pause, stopped, ...only });
    return sum;
  }

  #warn(folder: FolderKey, text: string | null): void {
    const before = this.#warnings.get(folder) ?? null;
    if ((before === null) === (text === null)) return;
    if (text === null) this.#warnings.delete(folder);
    else this.#warnings.set(folder, text);
    if (text !== null) this.#options.log.warn(text, { folder });
    this.warned.emit();
  }
}

/** The first of them that together have so many bytes. */
function enough(rows: readonly OldSegment[], bytes: number): readonly OldSegment[] {
  let sum = 0;
  const index = rows.findIndex((row) => (sum += row.bytes) >= bytes);
  return index < 0 ? rows : rows.slice(0, index + 1);
}
