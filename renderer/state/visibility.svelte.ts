import { createSubscriber } from 'svelte/reactivity';

/** Whether anybody can see the window: nothing is streamed or decoded while nobody can. */
export class Visibility {
  readonly #subscribe = createSubscriber((update) => {
    document.addEventListener('visibilitychange', update);
    return () => document.removeEventListener('visibilitychange', update);
  });

  get visible(): boolean {
    this.#subscribe();
    return document.visibilityState === 'visible';
  }
}
