import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { MAX_EVENT_MS, type CameraEvent, type CameraId } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraKey } from '../storage/interface.ts';
import type { EventRow } from '../storage/event-calls.ts';

export interface EventLogOptions {
  readonly camera: { readonly id: CameraId; readonly key: CameraKey };
  readonly storage: Pick<Storage, 'call'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStarted: (event: CameraEvent) => void;
  readonly onEnded: (event: CameraEvent) => void;
}

/** Steps that wait for the database; further ones are left out and counted. */
const MAX_WAITING = 64;

interface Open {
  readonly start: UtcMs;
  readonly row: Promise<EventRow | null>;
  readonly timer: Timer;
}

/** The events of one camera, stored as they happen, one open event of a kind at a time. */
export class EventLog {
  readonly counters = { events: 0, skipped: 0 };
  readonly #options: EventLogOptions;
  readonly #open = new Map<string, Open>();
  #last: Pick<CameraEvent, 'kind' | 'from' | 'to'> | null = null;
  #work: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: EventLogOptions) {
    this.#options = options;
    const { storage, camera } = options;
    void this.#enqueue(async () => {
      const row = await storage.call('lastEvent', { camera: camera.key });
      if (row) this.#last ??= { kind: row.kind, from: row.start, to: row.end ?? row.start };
    });
  }

  /** The event that lasts, or the one that began last. */
  get last(): Pick<CameraEvent, 'kind' | 'from' | 'to'> | null {
    return this.#last;
  }

  /** Idempotent for a kind, while it lasts. */
  begin(kind: string, start: UtcMs, source: string, text = ''): void {
    if (this.#open.has(kind)) return;
    const { storage, camera, clock, onStarted } = this.#options;
    this.counters.events += 1;
    this.#last = { kind, from: start, to: null };
    const row = this.#enqueue(async () => {
      const added = await storage.call('addEvent', { camera: camera.key, start, end: null, kind, source, score: null, text });
      onStarted(toEvent(camera.id, added));
      return added;
    });
    // What lasts longer than an event may goes on as another one.
    const timer = clock.setTimeout(
      () => {
        const at = utcMs(start + MAX_EVENT_MS);
        this.end(kind, at);
        this.begin(kind, at, source, text);
      },
      start + MAX_EVENT_MS - clock.now(),
    );
    this.#open.set(kind, { start, row, timer });
  }

  /** @param score see CameraEvent */
  end(kind: string, at: UtcMs, score: number | null = null): void {
    const open = this.#open.get(kind);
    if (!open) return;
    this.#open.delete(kind);
    open.timer.cancel();
    const end = utcMs(Math.max(open.start, at));
    if (this.#last?.kind === kind && this.#last.to === null) this.#last = { kind, from: open.start, to: end };
    const { storage, camera, onEnded } = this.#options;
    void this.#enqueue(async () => {
      const row = await open.row;
      const ended = row && (await storage.call('endEvent', { key: row.key, end, score }));
      if (ended) onEnded(toEvent(camera.id, ended));
    });
  }

  /** One that is known from start to end. Errors: those of the database. */
  async add(event: Omit<EventRow, 'key' | 'camera'> & { readonly end: UtcMs }): Promise<CameraEvent> {
    const { storage, camera } = this.#options;
    const added = toEvent(camera.id, await storage.call('addEvent', { camera: camera.key, ...event }));
    this.counters.events += 1;
    if (!this.#last || added.from >= this.#last.from) this.#last = { kind: added.kind, from: added.from, to: added.to };
    return added;
  }

  /** Ends what lasts; resolves when everything is stored. */
  async close(): Promise<void> {
    const now = utcMs(Math.round(this.#options.clock.now()));
    for (const kind of [...this.#open.keys()]) this.end(kind, now);
    await this.#work;
  }

  /** In order; a failure is logged and costs this event only. */
  #enqueue<T>(step: () => Promise<T>): Promise<T | null> {
    if (this.#waiting >= MAX_WAITING) {
      this.counters.skipped += 1;
      return Promise.resolve(null);
    }
    this.#waiting += 1;
    const result = this.#work.then(step).catch((error: unknown) => {
      this.#options.log.warn('an event could not be stored', { error: String(error) });
      return null;
    });
    this.#work = result.then(() => (this.#waiting -= 1));
    return result;
  }
}

export function toEvent(camera: CameraId, { key, start, end, kind, source, score, text }: EventRow): CameraEvent {
  return { id: key, camera, kind, from: start, to: end, source, score, text };
}
