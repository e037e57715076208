import type { NatSummary } from './report.ts';
import { directBetween, type DirectWords } from './words.ts';

const PLAIN: NatSummary = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  classical: 'port-restricted-cone',
  publicAddress: null,
  allocation: 'preserved',
  allocationStep: null,
  portMapping: null,
  ipv6: false,
  cgnat: false,
};

/** Kinds of networks that cameras are in, by what people know of them. */
const KINDS: readonly { readonly where: string; readonly nat: NatSummary }[] = [
  { where: 'behind an ordinary home router', nat: PLAIN },
  {
    where: 'behind a symmetric router (mobile networks, companies)',
    nat: { ...PLAIN, mapping: 'address-and-port-dependent', classical: 'symmetric', allocation: 'random' },
  },
  { where: 'with a public address behind a firewall', nat: { ...PLAIN, mapping: 'none', classical: 'firewall' } },
  { where: 'in a network with IPv6', nat: { ...PLAIN, mapping: 'address-and-port-dependent', classical: 'symmetric', ipv6: true } },
  { where: 'in a network that lets no UDP out', nat: { ...PLAIN, mapping: 'unknown', filtering: 'unknown', classical: 'udp-blocked' } },
];

/** What this machine can expect with cameras elsewhere, of which nothing is known yet. */
export function outlook(mine: NatSummary): readonly { readonly where: string; readonly words: DirectWords }[] {
  return KINDS.map(({ where, nat }) => ({ where, words: directBetween(mine, nat) }));
}
