import { randomBytes } from 'node:crypto';
import type { Clock } from '../electron/base/clock.ts';
import { ipBytes } from '../peer/stun/address.ts';

/** A power of two. */
const SLOTS = 4096;

/**
 * Bounds a rate for each address that something comes from (of IPv6: each /64, of which everybody has a whole one), in a table
 * that does not grow: addresses that fall into one slot share it. Which do is random anew in each process, so that nobody can
 * aim at another's slot.
 */
export class SourceLimiter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #tokens = new Float64Array(SLOTS);
  readonly #at = new Float64Array(SLOTS);
  readonly #seed = randomBytes(4).readUInt32LE(0);

  constructor(clock: Pick<Clock, 'monotonic'>, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens.fill(burst);
  }

  /** False when that address has had its share. */
  take(address: string): boolean {
    const slot = this.#slot(address);
    const now = this.#clock.monotonic();
    const gained = ((now - (this.#at[slot] ?? 0)) / 1000) * this.#perSecond;
    const tokens = Math.min(this.#burst, (this.#tokens[slot] ?? 0) + gained);
    this.#at[slot] = now;
    this.#tokens[slot] = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }

  #slot(address: string): number {
    let hash = this.#seed;
    for (const byte of networkOf(address)) {
      hash = Math.imul(hash ^ byte, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return (hash >>> 8) & (SLOTS - 1);
  }
}

/** What counts as one address of somebody: an IPv4 address, an IPv6 /64. Empty for what is none. */
export function networkOf(address: string): Buffer {
  return ipBytes(address)?.subarray(0, 8) ?? Buffer.alloc(0);
}
