import { createSubscriber } from 'svelte/reactivity';
import { utcMs, type UtcMs } from '../../electron/contract/model.ts';

/** The present, to the second, for whatever shows it; ticks only while something does. */
export class Now {
  readonly #subscribe = createSubscriber((update) => {
    const timer = setInterval(update, 1000);
    return () => clearInterval(timer);
  });

  get ms(): UtcMs {
    this.#subscribe();
    return utcMs(Date.now());
  }
}
