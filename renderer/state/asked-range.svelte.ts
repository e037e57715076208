import { asCoded } from '../../electron/contract/client.ts';
import type { Span } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import { localInput } from '../time/local-input.ts';
import { readRange } from '../time/typed-range.ts';
import { wallTime } from '../time/zone.ts';

/** After the last change, milliseconds: who types is not asked about each digit. */
const PAUSE_MS = 250;

/**
 * A range that a person types, by the wall clock of `zone`, and what the engine says of it: asked when it changes and when the engine is back,
 * never because something else on the page changed. To be made while a component is.
 */
export class AskedRange<Answer> {
  start = $state('');
  end = $state('');
  #answer = $state.raw<Answer | null>(null);
  #failure = $state<string | null>(null);
  readonly #zone: string;
  readonly #range = $derived.by(() => readRange(this.start, this.end, this.#zone));

  constructor(link: EngineLink, { from, to }: Span, zone: string, ask: (range: Span) => Promise<Answer>) {
    this.#zone = zone;
    this.start = localInput(wallTime(from, zone));
    this.end = localInput(wallTime(to, zone));
    $effect(() => {
      const range = this.#range;
      this.#answer = null;
      this.#failure = null;
      if ('error' in range) return;
      let over = false;
      let stop = () => {};
      const question = () =>
        void ask(range).then(
          (answer) => {
            if (!over) [this.#answer, this.#failure] = [answer, null];
          },
          (reason: unknown) => {
            if (!over) this.fail(reason);
          },
        );
      const timer = setTimeout(() => (stop = link.onClient(question)), PAUSE_MS);
      return () => {
        over = true;
        clearTimeout(timer);
        stop();
      };
    });
  }

  /** Null while what is typed is no range. */
  get range(): Span | null {
    return 'error' in this.#range ? null : this.#range;
  }

  /** Null until it is there. */
  get answer(): Answer | null {
    return this.#answer;
  }

  /** What is wrong with what is typed, else what failed. */
  get error(): string | null {
    return 'error' in this.#range ? this.#range.error : this.#failure;
  }

  /** Says it in place of the answer, until something else is typed. */
  fail(reason: unknown): void {
    this.#failure = asCoded(reason).message;
  }

  /** What failed is tried again. */
  retry(): void {
    this.#failure = null;
  }
}
