import type { Allocation, ClientWay } from './allocation.ts';

/** One client of the relay: its 5-tuple, and the allocation that belongs to it. */
export class TurnClient {
  readonly way: ClientWay;
  allocation: Allocation | null = null;
  /** The Allocate that is being answered, or was: a repetition of it is no second one (RFC 8656 §7.2). */
  allocating: Buffer | null = null;
  answer: Buffer | null = null;
  isGone = false;
  readonly #onIdle: (client: TurnClient) => void;

  /** @param onIdle it has no allocation any more, or gets none */
  constructor(way: ClientWay, onIdle: (client: TurnClient) => void) {
    this.way = way;
    this.#onIdle = onIdle;
  }

  clear(): void {
    this.allocation = this.allocating = this.answer = null;
    this.#onIdle(this);
  }
}
