import type { UtcMs } from '../../electron/base/units.ts';

/** RFC 4787 §4.1: to how many destinations one mapping serves. `none`: no translation seen. */
export type NatMapping = 'none' | 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** RFC 4787 §5: who may send in through a mapping. */
export type NatFiltering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** The classical names of RFC 3489 §5, beside. */
export type ClassicalNat =
  'open' | 'firewall' | 'full-cone' | 'restricted-cone' | 'port-restricted-cone' | 'symmetric' | 'udp-blocked' | 'unknown';

export type PortMappingProtocol = 'pcp' | 'nat-pmp' | 'upnp';

/** What the public ports of new mappings have to do with the local ports, or with each other. */
export type PortAllocation = 'preserved' | 'sequential' | 'random' | 'unknown';

/** What one end tells the other about the network it sits in. */
export interface NatSummary {
  readonly mapping: NatMapping;
  readonly filtering: NatFiltering;
  readonly classical: ClassicalNat;
  /** As STUN sees this machine. */
  readonly publicAddress: string | null;
  readonly allocation: PortAllocation;
  /** From one new mapping to the next; only where `allocation` is `sequential`. */
  readonly allocationStep: number | null;
  /** The protocol by which the gateway maps ports to a public address. */
  readonly portMapping: PortMappingProtocol | null;
  /** A global unicast IPv6 address that STUN sees. */
  readonly ipv6: boolean;
  /** A further NAT, the provider's most likely, stands behind the one nearby. */
  readonly cgnat: boolean;
}

export interface NatObservation {
  /** `address:port` */
  readonly local: string;
  readonly server: string;
  /** Null: no answer. */
  readonly mapped: string | null;
}

export interface PortMappingFinding {
  readonly protocol: PortMappingProtocol;
  readonly answers: boolean;
  /** The public address that the gateway claims. */
  readonly external: string | null;
  readonly error: string | null;
}

export interface NatReport extends NatSummary {
  readonly at: UtcMs;
  readonly observations: readonly NatObservation[];
  /** Whether two sockets of this machine reach each other at their public addresses; null: not known. */
  readonly hairpin: boolean | null;
  /** How long an unused mapping lives, s; null: not asked, or not found out. */
  readonly mappingLifetimeS: number | null;
  readonly portMappings: readonly PortMappingFinding[];
  readonly udpBlocked: boolean;
  /** In plain words: what could not be found out, and why. */
  readonly notes: readonly string[];
}

/** A report without what only its own machine needs. */
export function summaryOf(report: NatReport): NatSummary {
  const { mapping, filtering, classical, publicAddress, allocation, allocationStep, portMapping, ipv6, cgnat } = report;
  return { mapping, filtering, classical, publicAddress, allocation, allocationStep, portMapping, ipv6, cgnat };
}
