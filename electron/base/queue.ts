/** A first-in first-out queue with a hard limit. What does not fit is refused; the owner decides what to drop, and counts. */
export class BoundedQueue<T> {
  readonly limit: number;
  #items: T[] = [];
  #head = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** False, and nothing added, when the queue is full. */
  push(item: T): boolean {
    if (this.length >= this.limit) return false;
    this.#items.push(item);
    return true;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Drops everything and says how many that were. */
  clear(): number {
    const dropped = this.length;
    this.#items = [];
    this.#head = 0;
    return dropped;
  }
}
