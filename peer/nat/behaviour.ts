import type { Endpoint } from '../stun/address.ts';
import type { ClassicalNat, NatFiltering, NatMapping } from './report.ts';

/** Where one socket was seen from one place. */
export interface Seen {
  readonly server: Endpoint;
  readonly mapped: Endpoint;
}

export interface MappingBehaviour {
  readonly mapping: NatMapping;
  /** Other behaviours were not ruled out: there were too few servers. */
  readonly assumed: boolean;
}

/** RFC 5780 §4.3, of whatever servers there were: how the public endpoints of one socket differ by the places spoken to. */
export function mappingOf(local: Endpoint, seen: readonly Seen[]): MappingBehaviour {
  const [first] = seen;
  if (!first) return { mapping: 'unknown', assumed: true };
  if (seen.every(({ mapped }) => same(mapped, local))) return { mapping: 'none', assumed: false };
  const pairs = seen.flatMap((one, index) => seen.slice(index + 1).map((other) => ({ one, other })));
  const isSame = ({ one, other }: (typeof pairs)[number]) => same(one.mapped, other.mapped);
  const otherAddress = pairs.filter(({ one, other }) => one.server.address !== other.server.address);
  const otherPort = pairs.filter(({ one, other }) => one.server.address === other.server.address && one.server.port !== other.server.port);
  if (otherPort.some((pair) => !isSame(pair))) return { mapping: 'address-and-port-dependent', assumed: false };
  if (otherAddress.some((pair) => !isSame(pair))) {
    // Without a second port of one address the commoner of both is assumed, and what works with it works with the other.
    return otherPort.length > 0
      ? { mapping: 'address-dependent', assumed: false }
      : { mapping: 'address-and-port-dependent', assumed: true };
  }
  if (otherAddress.length > 0) return { mapping: 'endpoint-independent', assumed: false };
  return otherPort.length > 0 ? { mapping: 'endpoint-independent', assumed: true } : { mapping: 'unknown', assumed: true };
}

/** The name of RFC 3489 §5. */
export function classicalOf(mapping: NatMapping, filtering: NatFiltering): ClassicalNat {
  if (mapping === 'address-dependent' || mapping === 'address-and-port-dependent') return 'symmetric';
  if (mapping === 'unknown' || filtering === 'unknown') return 'unknown';
  if (mapping === 'none') return filtering === 'endpoint-independent' ? 'open' : 'firewall';
  if (filtering === 'endpoint-independent') return 'full-cone';
  return filtering === 'address-dependent' ? 'restricted-cone' : 'port-restricted-cone';
}

export function same(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}
