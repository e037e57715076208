/** Of forms; the oldest goes. */
const MAX_DRAFTS = 100;

/** What is typed and not saved, while its form is not on the page. Forgotten with the page. */
export class Drafts {
  readonly #kept = new Map<string, unknown>();

  put(key: string, value: unknown): void {
    this.#kept.delete(key);
    this.#kept.set(key, value);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_DRAFTS && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** It is the form's again. */
  take(key: string): unknown {
    const value = this.#kept.get(key);
    this.#kept.delete(key);
    return value;
  }
}
