import { isIPv4, isIPv6 } from 'node:net';
import { ipBytes } from '../stun/message.ts';

/** Of private networks, of this host, of one link, or of no host (RFC 6890): nobody on the internet reaches them. Bits that count. */
const NOT_PUBLIC: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];

/** An IPv4 address that packets from the internet can reach. Addresses for documentation count as such. */
export function isPublicIpv4(address: string): boolean {
  return isIPv4(address) && !isSharedIpv4(address) && !NOT_PUBLIC.some(([network, bits]) => isWithin(address, network, bits));
}

/** Of the space that providers share among their customers (RFC 6598): behind carrier-grade NAT. */
export function isSharedIpv4(address: string): boolean {
  return isIPv4(address) && isWithin(address, '100.64.0.0', 10);
}

/** Global unicast (RFC 4291 §2.4), which is 2000::/3 so far. */
export function isGlobalIpv6(address: string): boolean {
  const first = isIPv6(address) ? ipBytes(address)?.[0] : undefined;
  return first !== undefined && first >> 5 === 1 && address.includes(':') && !address.toLowerCase().startsWith('::ffff:');
}

/** Of either family: packets from the internet can reach it. */
export const isPublic = (address: string): boolean => isPublicIpv4(address) || isGlobalIpv6(address);

/** Whether two IPv4 addresses agree in their first `bits`. False for what is none. */
export function isWithin(address: string, network: string, bits: number): boolean {
  const [one, other] = [ipv4Number(address), ipv4Number(network)];
  return one !== null && other !== null && (bits === 0 || (one ^ other) >>> (32 - bits) === 0);
}

export function ipv4Number(address: string): number | null {
  return isIPv4(address) ? (ipBytes(address)?.readUInt32BE(0) ?? null) : null;
}

export function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}
