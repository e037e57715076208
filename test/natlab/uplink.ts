import type { Machine } from './machine.ts';

/** Where a machine can be plugged in: the internet itself, or the LAN of a router. */
export interface AttachPoint {
  /** Plugs `machine` in, by an interface of that name, and gives it addresses and a default route. */
  attach(machine: Machine, name: string, options?: { address?: string }): Promise<Uplink>;
  /** The uplink at the internet through which all goes that is plugged in here; null of the internet itself. */
  readonly outermost: InternetUplink | null;
}

/** A machine's way up. */
export interface Uplink {
  /** IPv4 address that the machine has on it. */
  readonly address: string;
  /** The IPv6 prefix that leads to it, without the last `::` and its length; null without IPv6. */
  readonly prefix6: string | null;
  /** From the internet: nothing gets through any more, and nobody is told. In a LAN: the plug is pulled, and the machine sees it. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Takes it away; the machine has no such interface any more. */
  detach(): Promise<void>;
}

/** The way between the internet and whoever is attached to it directly. */
export interface InternetUplink extends Uplink {
  /** Name of its interface in the internet's namespace. */
  readonly outer: string;
  /** Name of its wire, where the laboratory has wires. */
  readonly wire: string | null;
  /** Gives it another public IPv4 address; the old one leads nowhere any more. @returns the new one */
  renumber(address?: string): Promise<string>;
}

export const isAtInternet = (uplink: Uplink): uplink is InternetUplink => 'outer' in uplink;
