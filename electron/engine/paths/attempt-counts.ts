import type { PathAttempt } from '../../contract/model.ts';

/** How often each way was tried, with what result, since the engine was started. */
export class AttemptCounts {
  readonly #counts = new Map<string, { readonly way: PathAttempt['way']; readonly ok: boolean; count: number }>();
  #seen: ReadonlySet<string> = new Set();

  /** @param attempts the newest ones as a source tells them, again and again */
  see(attempts: readonly PathAttempt[]): void {
    const keys = new Set<string>();
    for (const { at, way, ok } of attempts) {
      const key = `${at} ${way} ${ok}`;
      keys.add(key);
      if (this.#seen.has(key)) continue;
      const kind = `${way} ${ok}`;
      const row = this.#counts.get(kind) ?? { way, ok, count: 0 };
      row.count += 1;
      this.#counts.set(kind, row);
    }
    this.#seen = keys;
  }

  get rows(): readonly { readonly way: PathAttempt['way']; readonly ok: boolean; readonly count: number }[] {
    return [...this.#counts.values()];
  }
}
