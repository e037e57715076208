import type { EngineLink, LinkState } from '../api/engine-link.ts';

/** Whether the engine is there. */
export class Connection {
  #state = $state<LinkState>('connecting');

  constructor(link: EngineLink) {
    this.#state = link.state;
    link.onState((state) => (this.#state = state));
  }

  get state(): LinkState {
    return this.#state;
  }

  /** It was there and is not, or did not answer: worth a banner. */
  get broken(): boolean {
    return this.#state === 'reconnecting';
  }
}
