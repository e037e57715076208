import type { SpoolItem } from '../../peer/session/bulk-messages.ts';
import type { BootClock } from './boot-clock.ts';

/** One closed file. Its key is its start, by the wall clock as it was set then. */
export interface SpoolEntry {
  readonly key: number;
  readonly end: number;
  readonly bytes: number;
  /** SHA-256 of the file; null: not computed yet. */
  readonly hash: Buffer | null;
  /** Of the boot clock when it was written; null: not known. */
  readonly clock: { readonly boot: string; readonly startedAt: number } | null;
}

/** The wall clock must have been set by more than this for it to count, ms: less is how finely a machine knows how long it runs. */
const SET_MS = 100;

/** What the spool has: closed files, in order of their keys. */
export class Catalog {
  readonly #bootClock: BootClock;
  #entries: SpoolEntry[] = [];
  #bytes = 0;
  /** What is last known of runs of the machine that are over: their clock may have been set until then. */
  readonly #boots = new Map<string, { readonly startedAt: number; readonly ranMs: number }>();

  constructor(bootClock: BootClock) {
    this.#bootClock = bootClock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Beginning of the oldest footage, by the wall clock as it is set now. */
  get since(): number | null {
    const shifts = this.#shifts();
    return this.#entries.reduce<number | null>((least, entry) => Math.min(least ?? Infinity, entry.key + shifts(entry)), null);
  }

  /**
   * Those that were shown first, at most `count`, in that order, whatever the wall clock said meanwhile: what is of an earlier run of the machine
   * is older than all of this one.
   */
  oldest(count: number): SpoolItem[] {
    const shifts = this.#shifts();
    let found: Aged[] = [];
    for (const entry of this.#entries) {
      found.push({ item: itemOf(entry, shifts(entry)), isOfThisRun: entry.clock?.boot === this.#bootClock.boot });
      if (found.length >= 2 * count + 64) found = first(found, count);
    }
    return first(found, count).map(({ item }) => item);
  }

  /** An entry with the same key is replaced. */
  add(entry: SpoolEntry): void {
    this.#noteBoot(entry);
    const at = this.#indexOf(entry.key);
    const known = this.#entries[at];
    const same = known?.key === entry.key;
    this.#bytes += entry.bytes - (same && known ? known.bytes : 0);
    this.#entries.splice(at, same ? 1 : 0, entry);
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#boots.clear();
  }

  at(key: number): SpoolEntry | null {
    const entry = this.#entries[this.#indexOf(key)];
    return entry?.key === key ? entry : null;
  }

  remove(key: number): void {
    const at = this.#indexOf(key);
    const entry = this.#entries[at];
    if (entry?.key !== key) return;
    this.#entries.splice(at, 1);
    this.#bytes -= entry.bytes;
  }

  /** Those that reach into [from, to) by the wall clock as it is set now, in order of their keys, above `after`; at most `limit`. */
  list({ from, to, after, limit }: { from: number; to: number; after: number | null; limit: number }): SpoolItem[] {
    const found: SpoolItem[] = [];
    const shifts = this.#shifts();
    for (let at = after === null ? 0 : this.#indexOf(after + 1); at < this.#entries.length && found.length < limit; at += 1) {
      const entry = this.#entries[at];
      if (!entry) break;
      const item = itemOf(entry, shifts(entry));
      if (item.start < to && item.end > from) found.push(item);
    }
    return found;
  }

  item(entry: SpoolEntry): SpoolItem {
    return itemOf(entry, this.#shifts()(entry));
  }

  /** By how much the wall clock was set since, ms. Good for now. */
  #shifts(): (entry: SpoolEntry) => number {
    const { boot, startedAt } = this.#bootClock;
    const isNow = startedAt.call(this.#bootClock);
    return ({ clock }) => {
      if (!clock) return 0;
      const last = clock.boot === boot ? isNow : (this.#boots.get(clock.boot)?.startedAt ?? clock.startedAt);
      const shift = Math.round(last - clock.startedAt);
      return Math.abs(shift) > SET_MS ? shift : 0;
    };
  }

  /** What is known last is what was written when the machine had run longest: names may be in another order. */
  #noteBoot({ key, clock }: SpoolEntry): void {
    if (!clock) return;
    const ranMs = key - clock.startedAt;
    const known = this.#boots.get(clock.boot);
    if (!known || ranMs >= known.ranMs) this.#boots.set(clock.boot, { startedAt: clock.startedAt, ranMs });
  }

  /** Of the first entry with this key or a later one. */
  #indexOf(key: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.key ?? Infinity) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function itemOf({ key, end, bytes }: SpoolEntry, shift: number): SpoolItem {
  return { key, start: key + shift, end: end + shift, bytes };
}

interface Aged {
  readonly item: SpoolItem;
  readonly isOfThisRun: boolean;
}

function first(found: Aged[], count: number): Aged[] {
  return found.sort((a, b) => Number(a.isOfThisRun) - Number(b.isOfThisRun) || a.item.start - b.item.start).slice(0, count);
}
