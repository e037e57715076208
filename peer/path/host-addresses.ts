import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** Host candidates of one path at most: each is probed from the other end. */
const MAX_ADDRESSES = 8;
/** RFC 4291 §2.5.6: needs a zone to be of use, which a candidate cannot carry. */
const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address) || address.startsWith('169.254.');

/**
 * The addresses of this machine for host candidates (RFC 8445 §5.1.1.1), IPv4 first; all interfaces but loopback, also those
 * of a VPN, whatever they are called: the library leaves these out by name. Loopback where there is nothing else, so that a
 * machine without a network still reaches itself.
 */
export function hostAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const usable = all.filter(({ address, internal }) => !internal && !isLinkLocal(address));
  const sorted = [...usable.filter(({ family }) => family === 'IPv4'), ...usable.filter(({ family }) => family === 'IPv6')];
  const addresses = [...new Set(sorted.map(({ address }) => address))].slice(0, MAX_ADDRESSES);
  return addresses.length > 0 ? addresses : ['127.0.0.1'];
}
