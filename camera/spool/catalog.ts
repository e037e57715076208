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
  /** What is last known of runs that are over: their clock may have been set until then. */
  readonly #boots = new Map<string, number>();

  constructor(bootClock: BootClock) {
    this.#bootClock = bootClock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.length;
  }

  get oldest(): SpoolEntry | null {
    return this.#entries[0] ?? null;
  }

  /** Beginning of the oldest footage, by the wall clock as it is set now. */
  get since(): number | null {
    const { oldest } = this;
    return oldest && oldest.key + this.#shift(oldest);
  }

  /** An entry with the same key is replaced. */
  add(entry: SpoolEntry): void {
    if (entry.clock) this.#boots.set(entry.clock.boot, entry.clock.startedAt);
    const at = this.#indexOf(entry.key);
    const known = this.#entries[at];
    const same = known?.key === entry.key;
    this.#bytes += entry.bytes - (same && known ? known.bytes : 0);
    this.#entries.splice(at, same ? 1 : 0, entry);
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
    for (let at = after === null ? 0 : this.#indexOf(after + 1); at < this.#entries.length && found.length < limit; at += 1) {
      const entry = this.#entries[at];
      if (!entry) break;
      const item = this.item(entry);
      if (item.start < to && item.end > from) found.push(item);
    }
    return found;
  }

  item(entry: SpoolEntry): SpoolItem {
    const shift = this.#shift(entry);
    return { key: entry.key, start: entry.key + shift, end: entry.end + shift, bytes: entry.bytes };
  }

  /** By how much the wall clock was set since, ms. */
  #shift({ clock }: SpoolEntry): number {
    if (!clock) return 0;
    const { boot, startedAt } = this.#bootClock;
    const now = clock.boot === boot ? startedAt.call(this.#bootClock) : (this.#boots.get(clock.boot) ?? clock.startedAt);
    const shift = Math.round(now - clock.startedAt);
    return Math.abs(shift) > SET_MS ? shift : 0;
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
