import { untrack } from 'svelte';
import { asCoded } from '../../electron/contract/client.ts';
import type { Drafts } from './drafts.ts';

interface Options<T> {
  readonly drafts: Drafts;
  /** Names the form among the drafts. */
  readonly key: string;
  /** Whether two forms say the same; by their text unless told otherwise. */
  readonly same?: (a: T, b: T) => boolean;
}

/** What is wrong with which field. */
export type Faults<T> = { readonly [K in keyof T]?: string | undefined };

const sameText = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * A form that is filled from what is stored. While nothing is changed it follows what another window stores; what is changed stays until it
 * is saved or undone, also when its panel is closed meanwhile. To be made while a component is.
 */
export class SavedForm<T> {
  value: T;
  readonly #same: (a: T, b: T) => boolean;
  #stored: T;
  #saved = $state(false);
  #busy = $state(false);
  #failure = $state<string | null>(null);
  #faults = $state.raw<Faults<T>>({});

  constructor(stored: () => T, { drafts, key, same = sameText }: Options<T>) {
    this.#same = same;
    const first = untrack(stored);
    this.#stored = $state.raw(first);
    this.value = $state((drafts.take(key) as T | undefined) ?? first);
    $effect(() => {
      const now = stored();
      untrack(() => {
        const untouched = !this.changed;
        this.#stored = now;
        if (untouched) this.value = now;
      });
    });
    $effect(() => () => {
      if (this.changed) drafts.put(key, $state.snapshot(this.value));
    });
  }

  /** It says something else than what is stored. */
  get changed(): boolean {
    return !this.#same(this.value, this.#stored);
  }

  /** Saved, and not touched since. */
  get saved(): boolean {
    return this.#saved;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Why the engine did not take it; null when it did, or something else is typed. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Of what is typed; none again when something else is. */
  get faults(): Faults<T> {
    return this.#faults;
  }

  refuse(faults: Faults<T>): void {
    this.#saved = false;
    this.#failure = null;
    this.#faults = faults;
  }

  touched(): void {
    this.#faults = {};
    this.#saved = false;
    this.#failure = null;
  }

  undo(): void {
    this.touched();
    this.value = this.#stored;
  }

  /** Never rejects: `failure` says what went wrong, and what is typed stays. */
  async save(store: () => Promise<void>): Promise<void> {
    this.touched();
    this.#busy = true;
    const sent = $state.snapshot(this.value) as T;
    try {
      await store();
      this.#saved = true;
      // As it was meant; what is stored may say it in other words, and is told then.
      this.#stored = sent;
    } catch (error) {
      this.#failure = asCoded(error).message;
    } finally {
      this.#busy = false;
    }
  }
}
