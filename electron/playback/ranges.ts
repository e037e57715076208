/** From `from` on, up to and without `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What is left of [from, to) between the ranges (in order of their start). */
export function complement(ranges: readonly Range[], from: number, to: number): Range[] {
  const holes: Range[] = [];
  let position = from;
  for (const range of ranges) {
    if (range.from >= to) break;
    if (range.from > position) holes.push({ from: position, to: Math.min(range.from, to) });
    position = Math.max(position, range.to);
  }
  if (position < to) holes.push({ from: position, to });
  return holes;
}

/** Ranges in order of their start, which may overlap: those that reach into another are found without looking at all of them. */
export class RangeList<T extends Range> {
  readonly #ranges: readonly T[];
  /** How far any range up to this one reaches. */
  readonly #reach: readonly number[];

  constructor(ranges: readonly T[]) {
    let reach = -Infinity;
    this.#ranges = ranges;
    this.#reach = ranges.map(({ to }) => (reach = Math.max(reach, to)));
  }

  /** The parts of `range` that are covered, in order, without overlap; where two cover it, by the one that began earlier. */
  within(range: Range): T[] {
    const parts: T[] = [];
    let position = range.from;
    for (let i = this.#first(range.from); i < this.#ranges.length; i++) {
      const one = this.#ranges[i];
      if (!one || one.from >= range.to) break;
      const from = Math.max(one.from, position);
      const to = Math.min(one.to, range.to);
      if (to <= from) continue;
      parts.push({ ...one, from, to });
      position = to;
    }
    return parts;
  }

  /** The first that may reach beyond `at`. */
  #first(at: number): number {
    let [low, high] = [0, this.#reach.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#reach[middle] ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
