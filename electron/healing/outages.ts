import { utcMs } from '../base/units.ts';
import type { Span } from '../contract/model.ts';
import { wallClock } from '../recording/schedule.ts';
import type { SpoolAccess } from '../../peer/session/bulk-client.ts';
import type { SpoolItem } from '../../peer/session/bulk-messages.ts';
import type { HealableCamera } from './camera.ts';
import type { HealingParts } from './camera-healing.ts';
import { owed, scheduled, sinceClockSet } from './plan.ts';

/** What happened just now is on its way: to the recorder's file, and to one of the spool's that is closed. Milliseconds. */
const ON_ITS_WAY_MS = 2_000;
/** No spool keeps longer. */
const MOST_AGO_MS = 366 * 86_400_000;
/** Outages that one round looks at: the newest half of them each time, of the older ones others each time. */
const MAX_OUTAGES = 100;
/** Of a list, for one outage. */
const MAX_PAGES = 100;

/** What is owed of a camera's footage, and which of it comes next. */
export class Outages {
  readonly #camera: HealableCamera;
  readonly #parts: Pick<HealingParts, 'storage' | 'clock'>;
  readonly #wall = wallClock();
  /** Of the older outages so many were looked at last. */
  #looked = 0;

  constructor(camera: HealableCamera, parts: Pick<HealingParts, 'storage' | 'clock'>) {
    this.#camera = camera;
    this.#parts = parts;
  }

  /** Newest first: what is missing and wanted, from a time that the spool may have. */
  async all({ state, clockOffsetMs }: SpoolAccess): Promise<Span[]> {
    const now = this.#parts.clock.now();
    const { keepDays } = this.#camera.settings();
    if (state.since === null) return [];
    const kept = keepDays === null ? MOST_AGO_MS : keepDays * 86_400_000;
    const from = Math.max(this.#camera.createdAt, state.since - clockOffsetMs, now - Math.min(kept, MOST_AGO_MS));
    const to = now - ON_ITS_WAY_MS;
    if (to <= from) return [];
    const range = { from: utcMs(Math.floor(from)), to: utcMs(Math.floor(to)) };
    const since = sinceClockSet(await this.#parts.storage.call('facts', range));
    if (to <= since) return [];
    const outages = owed(await this.#camera.gaps({ from: utcMs(Math.max(range.from, since)), to: range.to }));
    return scheduled(outages, this.#camera.settings().schedule, this.#wall);
  }

  /** Those that the spool has nothing of hold up no others, however many they are. */
  turn(outages: readonly Span[]): readonly Span[] {
    if (outages.length <= MAX_OUTAGES) return outages;
    const half = MAX_OUTAGES / 2;
    const older = outages.slice(half);
    const from = this.#looked % older.length;
    this.#looked = from + half;
    return [...outages.slice(0, half), ...[...older.slice(from), ...older.slice(0, from)].slice(0, half)];
  }
}

/** What the spool has of an outage, in pages of which the number is bounded. */
export async function spooled({ reader, clockOffsetMs }: SpoolAccess, { from, to }: Span): Promise<SpoolItem[]> {
  const items: SpoolItem[] = [];
  let after: number | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { segments, more } = await reader.list({ from: from + clockOffsetMs, to: to + clockOffsetMs, after });
    items.push(...segments);
    after = segments.at(-1)?.key ?? after;
    if (!more) break;
  }
  return items;
}
