import type { Host } from './host.ts';
import type { Lab } from './lab.ts';
import { BEHAVIOUR, type Behaviour, type NatKind } from './nat.ts';
import type { Router } from './router.ts';

/**
 * Where people are: behind one router of some kind; `none`, with a public address; behind their own router and another of
 * the same kind (`double-nat`); behind their own and their provider's (`cgnat`), which has the shared addresses of RFC 6598 and
 * behaves as RFC 6888 asks; and with IPv6 besides the worst of IPv4 (`symmetric-ipv6`).
 */
export type SiteKind = 'none' | NatKind | 'double-nat' | 'cgnat' | 'symmetric-ipv6';

export const SITE_KINDS: readonly SiteKind[] = [
  'none',
  'firewall',
  'full-cone',
  'restricted-cone',
  'port-restricted-cone',
  'symmetric',
  'symmetric-sequential',
  'address-dependent',
  'double-nat',
  'cgnat',
  'symmetric-ipv6',
  'udp-blocked',
];

/** What a host there sees of IPv4; null where no UDP gets out. */
export function behaviourOf(kind: SiteKind): Behaviour | null {
  switch (kind) {
    case 'none':
      return { mapping: 'none', filtering: 'endpoint-independent', preservesPort: true, sequential: false };
    case 'double-nat':
    case 'cgnat':
      return BEHAVIOUR['port-restricted-cone'];
    case 'symmetric-ipv6':
      return BEHAVIOUR.symmetric;
    case 'udp-blocked':
      return null;
    default:
      return BEHAVIOUR[kind];
  }
}

/** One host and what is between it and the internet, outermost last. */
export interface Site {
  readonly kind: SiteKind;
  readonly host: Host;
  readonly routers: readonly Router[];
}

/** A site of that kind whose machines' names begin with `name`. */
export async function makeSite(lab: Lab, kind: SiteKind, name: string): Promise<Site> {
  const host = `${name}-host`;
  switch (kind) {
    case 'none':
      return { kind, host: await lab.host(host, lab.internet), routers: [] };
    case 'double-nat':
    case 'cgnat': {
      const plan =
        kind === 'cgnat' ? ({ kind: 'full-cone', lan: '100.64.0' } as const) : ({ kind: 'port-restricted-cone', lan: '10.0.0' } as const);
      const outer = await lab.router(`${name}-outer`, plan);
      const inner = await lab.router(`${name}-inner`, { kind: 'port-restricted-cone' }, { behind: outer });
      return { kind, host: await lab.host(host, inner), routers: [inner, outer] };
    }
    default: {
      const ipv6 = kind === 'symmetric-ipv6';
      const router = await lab.router(`${name}-router`, { kind: kind === 'symmetric-ipv6' ? 'symmetric' : kind }, { ipv6 });
      return { kind, host: await lab.host(host, router, { ipv6 }), routers: [router] };
    }
  }
}
