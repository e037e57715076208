import { BlockList } from 'node:net';
import type { Clock } from '../../electron/base/clock.ts';
import { familyOf, isLoopback, type KnownAddress } from '../addresses.ts';

/** `own-relay`: an address that this relay gives out itself, on which only its relayed ports may be reached. */
export type PeerVerdict = 'open' | 'own-relay' | 'refused';

type Network = readonly [address: string, bits: number, family: 'ipv4' | 'ipv6'];

/** Never a peer's: this host, this link, many, nobody, or an IPv4 address in disguise, which would get around the rest. */
const NEVER: readonly Network[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  // ::, ::1, and IPv4-compatible addresses (RFC 4291 §2.5.5)
  ['::', 96, 'ipv6'],
  // NAT64 (RFC 6052, 8215), Teredo (RFC 4380), 6to4 (RFC 3056)
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];
/** RFC 1918, 6598, 2544, 4193. */
const PRIVATE: readonly Network[] = [
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
];
/** How long the list of this machine's addresses is good, ms. */
const OWN_FOR_MS = 5_000;

export interface PeerPolicyOptions {
  readonly clock: Clock;
  /** All addresses of this machine now. */
  readonly ownAddresses: () => readonly string[];
  readonly relayAddresses: readonly KnownAddress[];
  /** Other addresses by which others know this machine. */
  readonly known?: readonly KnownAddress[];
  /** For a laboratory: peers may have private addresses, and loopback ones where the relay has one itself. */
  readonly allowPrivate: boolean;
}

/**
 * To which addresses the relay sends: what it could reach and its client could not must not be reached through it, its own host
 * and network above all (RFC 8656 §21.1.6 and what attackers made of relays without such rules).
 */
export class PeerPolicy {
  readonly #options: PeerPolicyOptions;
  readonly #refused = new BlockList();
  readonly #relays: ReadonlySet<string>;
  readonly #known: ReadonlySet<string>;
  #own: ReadonlySet<string> = new Set();
  #ownAt = -Infinity;

  constructor(options: PeerPolicyOptions) {
    const { relayAddresses, known = [], allowPrivate } = options;
    this.#options = options;
    for (const network of [...NEVER, ...(allowPrivate ? [] : PRIVATE)]) this.#refused.addSubnet(...network);
    if (!allowPrivate || !relayAddresses.some(({ local }) => isLoopback(local))) this.#refused.addSubnet('127.0.0.0', 8, 'ipv4');
    this.#relays = new Set(relayAddresses.flatMap(({ local, announced }) => [local, announced]));
    this.#known = new Set(known.flatMap(({ local, announced }) => [local, announced]));
  }

  /** @param address as the system writes it */
  verdict(address: string): PeerVerdict {
    if (this.#relays.has(address)) return 'own-relay';
    if (this.#known.has(address) || this.#isOwn(address)) return 'refused';
    return this.refuses(address) ? 'refused' : 'open';
  }

  /** Whether no peer may have that address, whoever's it is. */
  refuses(address: string): boolean {
    // IPv4-mapped addresses are none of IPv6, and would reach what the rules for IPv4 keep.
    return /^::ffff:/i.test(address) || this.#refused.check(address, familyOf(address) === 6 ? 'ipv6' : 'ipv4');
  }

  #isOwn(address: string): boolean {
    const { clock, ownAddresses } = this.#options;
    const now = clock.monotonic();
    if (now - this.#ownAt >= OWN_FOR_MS) {
      this.#own = new Set(ownAddresses());
      this.#ownAt = now;
    }
    return this.#own.has(address);
  }
}
