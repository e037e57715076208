import type { Endpoint } from '../../peer/stun/address.ts';
import { networkOf } from '../source-limiter.ts';
import type { Allocation } from './allocation.ts';
import type { TurnUser } from './credentials.ts';
import type { TurnLimits } from './limits.ts';

/** A place in the table, held until it is given back. */
export interface Place {
  free(): void;
}

/** Allocations by the relayed address, and how many there are of whom. */
export class Allocations {
  readonly #limits: TurnLimits;
  readonly #byRelayed = new Map<string, Allocation>();
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byRelayed.size;
  }

  /**
   * Takes a place for a user at an address. Refused with 486 when that user, the network that the credentials were given to, or
   * the network they are used from has as many as it may have (RFC 8656 §7.2), with 508 when all are taken.
   */
  hold(user: TurnUser, client: Endpoint): Place | 486 | 508 {
    const { allocations, allocationsPerPeer, allocationsPerNetwork } = this.#limits;
    const from = networkOf(client.address).toString('hex');
    const keys = [
      [`peer ${user.peer}`, allocationsPerPeer],
      [`issued ${user.network}`, allocationsPerNetwork],
      [`from ${from}`, allocationsPerNetwork],
    ] as const;
    if (keys.some(([key, limit]) => (this.#held.get(key) ?? 0) >= limit)) return 486;
    if (this.#total >= allocations) return 508;
    this.#total += 1;
    for (const [key] of keys) this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    let isHeld = true;
    return {
      free: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#total -= 1;
        for (const [key] of keys) {
          const left = (this.#held.get(key) ?? 1) - 1;
          if (left > 0) this.#held.set(key, left);
          else this.#held.delete(key);
        }
      },
    };
  }

  add(allocation: Allocation): void {
    this.#byRelayed.set(keyOf(allocation.relayed), allocation);
  }

  remove(allocation: Allocation): void {
    this.#byRelayed.delete(keyOf(allocation.relayed));
  }

  of(relayed: Endpoint): Allocation | undefined {
    return this.#byRelayed.get(keyOf(relayed));
  }

  endAll(): void {
    for (const allocation of [...this.#byRelayed.values()]) allocation.end();
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
