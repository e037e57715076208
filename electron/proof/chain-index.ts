import type { SegmentLink } from './link.ts';

/** What is known of a camera's segments by its chain: 13 bytes a link, so that five million take 65 MB. */
export class ChainIndex {
  #starts = new Float64Array(1_024);
  #seqs = new Uint32Array(1_024);
  #gone = new Uint8Array(0);
  #order: Uint32Array = new Uint32Array(0);
  #count = 0;
  #sorted = false;
  #ascending = true;
  readonly #removals: { readonly seq: number; readonly first: number; readonly last: number; readonly count: number }[] = [];
  /** Numbers of removals that found less than the chain had: a segment had gone before, without a word. */
  readonly #short: number[] = [];

  /** Links in the order of their numbers. */
  segment({ seq, start }: SegmentLink): void {
    if (this.#count === this.#starts.length) this.#grow();
    if (start < this.#raw(this.#count - 1)) this.#ascending = false;
    this.#starts[this.#count] = start;
    this.#seqs[this.#count] = seq;
    this.#count += 1;
    this.#sorted = false;
  }

  removed(link: { readonly seq: number; readonly first: number; readonly last: number; readonly count: number }): void {
    this.#removals.push(link);
    this.#sorted = false;
  }

  get segments(): number {
    return this.#count;
  }

  /** Number of the link that speaks of the segment which begins at `start`, null when none does, or none that is still owed. */
  find(start: number): number | null {
    this.#settle();
    let found: number | null = null;
    for (let i = this.#lowerBound(start); i < this.#count && this.#startAt(i) === start; i++) if (!this.#gone[i]) found = this.#seqAt(i);
    return found;
  }

  /** Whether a link of this start was there and is gone. */
  wasRemoved(start: number): boolean {
    this.#settle();
    const i = this.#lowerBound(start);
    return i < this.#count && this.#startAt(i) === start && this.find(start) === null;
  }

  /** Starts and link numbers of what is owed and begins in [from, to), by start. */
  *owed(from: number, to: number): Generator<{ readonly start: number; readonly seq: number }> {
    this.#settle();
    for (let i = this.#lowerBound(from); i < this.#count && this.#startAt(i) < to; i++)
      if (!this.#gone[i]) yield { start: this.#startAt(i), seq: this.#seqAt(i) };
  }

  /** Numbers of removals before which a segment had gone already, without a word. */
  get shortRemovals(): readonly number[] {
    this.#settle();
    return this.#short;
  }

  #settle(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    this.#order = new Uint32Array(this.#count).map((_, i) => i);
    // Nearly always in order already: only what was healed or a clock that was set back is not.
    if (!this.#ascending) this.#order.sort((a, b) => this.#raw(a) - this.#raw(b) || a - b);
    this.#gone = new Uint8Array(this.#count);
    this.#short.length = 0;
    // Of links of one start the last counts.
    for (let i = 1; i < this.#count; i++) if (this.#startAt(i - 1) === this.#startAt(i)) this.#gone[i - 1] = 1;
    // Before a removal an older link of the same start counted: what matters is that one of them did.
    for (const { seq, first, last, count } of this.#removals) {
      let went = 0;
      for (let i = this.#lowerBound(first); i < this.#count && this.#startAt(i) <= last; i++) {
        if (this.#seqAt(i) > seq || this.#gone[i]) continue;
        this.#gone[i] = 1;
        went += 1;
      }
      if (count < went) this.#short.push(seq);
    }
  }

  #raw(i: number): number {
    return this.#starts[i] ?? 0;
  }
  #startAt(i: number): number {
    return this.#starts[this.#order[i] ?? 0] ?? 0;
  }
  #seqAt(i: number): number {
    return this.#seqs[this.#order[i] ?? 0] ?? 0;
  }

  #lowerBound(start: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#startAt(middle) < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const starts = new Float64Array(this.#starts.length * 2);
    const seqs = new Uint32Array(this.#seqs.length * 2);
    starts.set(this.#starts);
    seqs.set(this.#seqs);
    this.#starts = starts;
    this.#seqs = seqs;
  }
}
