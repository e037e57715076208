import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { errnoOf } from '../../electron/base/errors.ts';
import { familyOf, type Family, type KnownAddress } from '../addresses.ts';
import { openUdp } from '../udp-socket.ts';

/** Of a range, so many ports are tried before it is taken for full. */
const TRIES = 32;

export interface RelayPort {
  readonly socket: Socket;
  readonly known: KnownAddress;
  readonly port: number;
}

/** The UDP ports of the relay addresses, taken at random, so that nobody can guess another's (RFC 8656 §7.2). */
export class RelayPorts {
  readonly #addresses: readonly KnownAddress[];
  readonly #range: readonly [number, number];

  constructor(addresses: readonly KnownAddress[], range: readonly [number, number]) {
    this.#addresses = addresses;
    this.#range = range;
  }

  /** Whether there is a relay address of that family. */
  has(family: Family): boolean {
    return this.#of(family) !== undefined;
  }

  /** A free port; null when none is to be had: the range is full, or the system has no more sockets for us. */
  async open(family: Family, even: boolean): Promise<RelayPort | null> {
    const known = this.#of(family);
    const [first, last] = this.#range;
    for (let tries = 0; known && tries < TRIES; tries += 1) {
      const port = randomInt(first, last + 1);
      if (even && port % 2 === 1) continue;
      try {
        return { socket: await openUdp(known.local, port), known, port };
      } catch (error) {
        if (errnoOf(error) !== 'EADDRINUSE') return null;
      }
    }
    return null;
  }

  #of(family: Family): KnownAddress | undefined {
    return this.#addresses.find(({ local }) => familyOf(local) === family);
  }
}
