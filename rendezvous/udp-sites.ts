import type { Socket } from 'node:dgram';
import type { Clock, Timer } from '../electron/base/clock.ts';
import { errnoOf } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import type { Endpoint } from '../peer/stun/address.ts';
import { boundAddresses, familyOf, isLoopback, isWildcard, type Family, type KnownAddress } from './addresses.ts';
import { closeUdp, openUdp, udpStartError } from './udp-socket.ts';

/** One address and port of this machine that answers: what comes to it is answered from it. */
export interface UdpSite {
  readonly socket: Socket;
  readonly local: string;
  readonly family: Family;
  /** Address and port by which others know it. */
  readonly announced: Endpoint;
  /** On the alternate port. */
  readonly alternatePort: boolean;
}

export interface UdpSitesOptions {
  /** An IP address. */
  readonly bind: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Further addresses, one a family, for the tests of RFC 5780. */
  readonly alternates: readonly KnownAddress[];
  /** How others know addresses of this machine that are behind a one-to-one NAT. */
  readonly known?: readonly KnownAddress[];
  readonly clock: Clock;
  readonly log: Log;
  readonly onDatagram: (site: UdpSite, datagram: Buffer, from: Endpoint) => void;
}

/** Addresses of one machine that are answered; one with more has chosen a wildcard where it should not. */
const MAX_ADDRESSES = 64;
/** How often a machine bound to a wildcard is asked for addresses that it got meanwhile, ms. */
const RESCAN_MS = 10_000;
const PORT_TRIES = 20;

/**
 * UDP sockets on every bound address, each on the STUN port and on the alternate one: a socket of its own for each, as an
 * answer must come from the address that was asked (RFC 8489 §6.3.1), which one bound to a wildcard does not know.
 */
export class UdpSites {
  readonly #options: UdpSitesOptions;
  readonly #sites = new Map<string, { readonly primary: UdpSite; readonly alternate: UdpSite }>();
  #rescan: Timer | null = null;
  #ports: readonly [number, number] = [0, 0];
  #closed = false;

  constructor(options: UdpSitesOptions) {
    this.#options = options;
  }

  /** The STUN port, and the alternate one; 0 before the start. */
  get ports(): readonly [number, number] {
    return this.#ports;
  }

  /** Those of an address; undefined when nothing is bound there. */
  of(local: string): { readonly primary: UdpSite; readonly alternate: UdpSite } | undefined {
    return this.#sites.get(local);
  }

  /** @throws CodedError `port-in-use`, `usage` when an address is not this machine's. */
  async start(): Promise<void> {
    if (this.#ports[0] !== 0) return;
    const { bind, port, alternates, clock } = this.#options;
    const asked = new Set([...(isWildcard(bind) ? [] : [bind]), ...alternates.map(({ local }) => local)]);
    const addresses = [...new Set([...asked, ...(isWildcard(bind) ? boundAddresses(bind).slice(0, MAX_ADDRESSES) : [])])];
    for (let tries = 1; ; tries += 1) {
      // The alternate port is the next one where that is free, as other servers have it.
      const primary = await this.#open(addresses, asked, port, port === 0 ? tries : PORT_TRIES);
      if (!primary) continue;
      const nextPort = primary.port === 65_535 ? 0 : primary.port + 1;
      const alternate =
        (await this.#open([...primary.sockets.keys()], asked, nextPort, 1)) ??
        (await this.#open([...primary.sockets.keys()], asked, 0, tries));
      if (!alternate) {
        await Promise.all([...primary.sockets.values()].map(closeUdp));
        continue;
      }
      this.#ports = [primary.port, alternate.port];
      for (const [local, socket] of primary.sockets) this.#add(local, socket, alternate.sockets.get(local));
      break;
    }
    if (isWildcard(bind)) this.#rescan = clock.setTimeout(() => void this.#look(), RESCAN_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#rescan?.cancel();
    const sockets = [...this.#sites.values()].flatMap(({ primary, alternate }) => [primary.socket, alternate.socket]);
    this.#sites.clear();
    await Promise.all(sockets.map(closeUdp));
  }

  /** The site that answers when another address or port than `site`'s is asked for; null when there is none. */
  change(site: UdpSite, address: boolean, port: boolean): UdpSite | null {
    const local = address ? this.#otherAddress(site) : site.local;
    const sites = local === null ? undefined : this.#sites.get(local);
    if (!sites) return null;
    return site.alternatePort !== port ? sites.alternate : sites.primary;
  }

  /** The address of the other one's family that is not `site`'s, of the one bound to and the alternate one. */
  #otherAddress({ local, family }: UdpSite): string | null {
    const alternate = this.#options.alternates.find((known) => familyOf(known.local) === family)?.local ?? null;
    if (alternate !== local) return alternate;
    const others = [...this.#sites.keys()].filter((other) => familyOf(other) === family && other !== alternate);
    return others.find((other) => !isLoopback(other)) ?? others[0] ?? null;
  }

  /** One socket on each address, on one port; null when a free port of one is taken on another. @throws CodedError */
  async #open(addresses: readonly string[], asked: ReadonlySet<string>, port: number, tries: number) {
    const sockets = new Map<string, Socket>();
    let common = port;
    for (const address of addresses) {
      try {
        const socket = await openUdp(address, common);
        common = socket.address().port;
        sockets.set(address, socket);
      } catch (error) {
        // An address of a wildcard that is not ready (or went) is looked at again later.
        if (errnoOf(error) === 'EADDRNOTAVAIL' && !asked.has(address)) continue;
        await Promise.all([...sockets.values()].map(closeUdp));
        if (errnoOf(error) === 'EADDRINUSE' && tries < PORT_TRIES) return null;
        throw udpStartError(error, address, common);
      }
    }
    return { port: common, sockets };
  }

  #add(local: string, socket: Socket, alternateSocket: Socket | undefined): void {
    if (!alternateSocket || this.#closed) {
      for (const open of [socket, alternateSocket]) if (open) void closeUdp(open);
      return;
    }
    const { onDatagram, alternates, known = [] } = this.#options;
    const address = [...alternates, ...known].find((entry) => entry.local === local)?.announced ?? local;
    const [primary, alternate] = [socket, alternateSocket].map((open, index) => {
      const announced = { address, port: this.#ports[index] ?? 0 };
      const site: UdpSite = { socket: open, local, family: familyOf(local), announced, alternatePort: index === 1 };
      open.on('message', (datagram, from) => onDatagram(site, datagram, from));
      return site;
    });
    if (primary && alternate) this.#sites.set(local, { primary, alternate });
  }

  /** Takes in the addresses that this machine got since. Those that went keep their sockets: they may come back. */
  async #look(): Promise<void> {
    const { bind, clock, log } = this.#options;
    for (const local of boundAddresses(bind)) {
      if (this.#sites.has(local) || this.#sites.size >= MAX_ADDRESSES) continue;
      const opened: Socket[] = [];
      try {
        for (const port of this.#ports) opened.push(await openUdp(local, port));
        const [socket, alternate] = opened;
        if (socket) this.#add(local, socket, alternate);
        log.info('answering at a new address', { address: local });
      } catch (error) {
        await Promise.all(opened.map(closeUdp));
        log.debug('an address cannot be bound', { address: local, error: errnoOf(error) ?? '' });
      }
    }
    if (!this.#closed) this.#rescan = clock.setTimeout(() => void this.#look(), RESCAN_MS);
  }
}
