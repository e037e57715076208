import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { CodedError } from '../electron/base/errors.ts';
import { ipBytes, ipText } from '../peer/stun/address.ts';

/** An address of this machine, and by what address others know it: behind a one-to-one NAT, as most clouds have, another. */
export interface KnownAddress {
  readonly local: string;
  readonly announced: string;
}

export type Family = 4 | 6;

/** 4 also for an IPv4 address in IPv6 clothes. */
export function familyOf(address: string): Family {
  return isIPv6(address) && !/^::ffff:\d+\./i.test(address) ? 6 : 4;
}

/** `ADDR`, or `ADDR/LOCAL` where others know this machine's address LOCAL as ADDR. @throws CodedError `usage` */
export function knownAddress(flag: string, text: string): KnownAddress {
  const [announced = '', local = announced, more] = text.split('/');
  const [one, two] = [ipBytes(announced), ipBytes(local)];
  if (more !== undefined || !one || !two || one.length !== two.length || !one.some((byte) => byte) || !two.some((byte) => byte)) {
    throw new CodedError('usage', `--${flag} takes an IP address of this machine, or PUBLIC/LOCAL behind a one-to-one NAT, not "${text}".`);
  }
  return { announced: ipText(one), local: ipText(two) };
}

/** Every address of this machine but the link-local ones of IPv6, which mean nothing without their interface. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
}

/** The addresses that `bind` stands for: all of IPv4 for 0.0.0.0, all of both families for ::, else itself. */
export function boundAddresses(bind: string): string[] {
  if (bind === '0.0.0.0') return ownAddresses().filter((address) => isIPv4(address));
  return bind === '::' ? ownAddresses() : [bind];
}

/** The address of a family by which others most likely reach what is bound to `bind`; null when there is none. */
export function primaryAddress(bind: string, family: Family, but: readonly string[] = []): string | null {
  const candidates = boundAddresses(bind).filter((address) => familyOf(address) === family && !but.includes(address));
  return candidates.find((address) => !isLoopback(address)) ?? candidates[0] ?? null;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

export function isWildcard(bind: string): boolean {
  return bind === '0.0.0.0' || (isIPv6(bind) && ipBytes(bind)?.every((byte) => byte === 0) === true);
}
