import { readdir, rm } from 'node:fs/promises';
import type { Timer } from '../base/clock.ts';
import { Backoff } from '../base/retry.ts';
import type { CameraId, HealingStatus } from '../contract/model.ts';
import type { HealableCamera } from './camera.ts';
import { CameraHealing, healingFolder, type HealingParts } from './camera-healing.ts';

/** How often it is looked whether a spool can be reached; when all is there, what has become missing is looked for this much later, milliseconds. */
const LOOK_MS = 2_000;
const AGAIN_MS = { done: 30_000, fresh: 5_000 } as const;
/** A session that has just begun shows its picture first, milliseconds. */
const SETTLE_MS = 3_000;
const RETRY = { firstMs: 4_000, capMs: 300_000 };
/** Cameras that are fetched from at a time: disk, processor and network are the live picture's. */
const MAX_AT_ONCE = 2;

interface Entry {
  readonly healing: CameraHealing;
  readonly backoff: Backoff;
  /** Monotonic; null: its spool is not reached. */
  dueAt: number | null;
  running: Promise<void> | null;
}

export interface HealingOptions extends HealingParts {
  readonly cameras: () => readonly HealableCamera[];
}

/** Fetches from the cameras' spools what outages left out, whenever a spool can be reached, until nothing is owed that one of them has. */
export class Healing {
  readonly #options: HealingOptions;
  readonly #entries = new Map<CameraId, Entry>();
  #timer: Timer | null = null;
  #tidying: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: HealingOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer || this.#closed) return;
    this.#tidying = this.#tidy();
    this.#look();
  }

  /** Idempotent; what was begun is gone on with at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const { healing } of this.#entries.values()) healing.stop();
    await Promise.all([this.#tidying, ...[...this.#entries.values()].map(({ running }) => running)]);
  }

  /** What was being fetched from cameras that were removed just before Keyhole was closed. */
  async #tidy(): Promise<void> {
    const { cameras, dataDir, log } = this.#options;
    const names = await readdir(healingFolder(dataDir)).catch(() => []);
    const present = new Set<string>(cameras().map(({ id }) => id));
    for (const name of names) {
      if (!/^cam-[a-z2-7]{8}$/.test(name) || present.has(name)) continue;
      await rm(healingFolder(dataDir, name), { recursive: true, force: true }).catch((error: unknown) =>
        log.warn('what was being fetched from a removed camera could not be deleted', { camera: name, error: String(error) }),
      );
    }
  }

  /** What is known of a camera that is there; that of one never looked at says nothing. */
  status(id: CameraId): HealingStatus {
    return this.#entries.get(id)?.healing.status ?? { spool: null, fetching: null, problem: null, healedMs: 0 };
  }

  get counters(): CameraHealing['counters'] {
    const sum = { healedMs: 0, fetchedBytes: 0, refused: 0, failures: 0 };
    for (const { healing } of this.#entries.values()) {
      for (const [name, value] of Object.entries(healing.counters)) sum[name as keyof typeof sum] += value;
    }
    return sum;
  }

  #look(): void {
    const { clock, cameras } = this.#options;
    const now = clock.monotonic();
    const present = cameras();
    for (const [id, { healing, running }] of this.#entries) {
      if (present.some((camera) => camera.id === id)) continue;
      healing.stop();
      this.#entries.delete(id);
      void (running ?? Promise.resolve()).then(() => healing.forget());
    }
    for (const camera of present) {
      const entry = this.#entryOf(camera);
      if (entry.running) continue;
      if (!entry.healing.canBegin) {
        entry.dueAt = null;
        entry.backoff.reset();
      } else entry.dueAt ??= now + SETTLE_MS;
    }
    const due = [...this.#entries.values()]
      .filter(({ running, dueAt }) => !running && dueAt !== null && dueAt <= now)
      .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0));
    const free = MAX_AT_ONCE - [...this.#entries.values()].filter(({ running }) => running).length;
    for (const entry of due.slice(0, Math.max(0, free))) entry.running = this.#run(entry);
    if (!this.#closed) this.#timer = clock.setTimeout(() => this.#look(), LOOK_MS);
  }

  async #run(entry: Entry): Promise<void> {
    const outcome = await entry.healing.round();
    const now = this.#options.clock.monotonic();
    if (outcome !== 'cut') entry.backoff.reset();
    entry.dueAt = now + (outcome === 'cut' ? entry.backoff.next() : AGAIN_MS[outcome]);
    entry.running = null;
  }

  #entryOf(camera: HealableCamera): Entry {
    const known = this.#entries.get(camera.id);
    if (known) return known;
    const entry: Entry = { healing: new CameraHealing(camera, this.#options), backoff: new Backoff(RETRY), dueAt: null, running: null };
    this.#entries.set(camera.id, entry);
    return entry;
  }
}
