/** One kind of event. Listeners are called in order of registration; the returned function removes the listener. */
export class Emitter<T> {
  /** Replaced, never changed: who listens may change while an event goes round, and events are many more than such changes. */
  #listeners: ReadonlySet<(value: T) => void> = new Set();

  on(listener: (value: T) => void): () => void {
    this.#listeners = new Set(this.#listeners).add(listener);
    return () => {
      const others = new Set(this.#listeners);
      others.delete(listener);
      this.#listeners = others;
    };
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  get size(): number {
    return this.#listeners.size;
  }

  clear(): void {
    this.#listeners = new Set();
  }
}
