import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/**
 * Where this program may look for others: `on`, the networks of this machine; `off`, nowhere; `loopback`, this machine alone
 * (for tests).
 */
export type LanMode = 'on' | 'off' | 'loopback';

/** One network interface that may have neighbours. */
export interface LanInterface {
  readonly name: string;
  /** As IPv6 link-local addresses name it: the name, or a number on Windows. */
  readonly zone: string;
  readonly ipv4: readonly string[];
  /** Without link-local ones, which a URL cannot hold. */
  readonly ipv6: readonly string[];
  /** It has an IPv6 address of any kind. */
  readonly hasIpv6: boolean;
  /** Whether `address` is of a subnet of this interface, or link-local on it. */
  isNeighbour(address: string): boolean;
  /** Equal for two that are the same, with the same addresses. */
  readonly key: string;
}

/** More are left out: a machine with so many has them for containers. */
const MAX_INTERFACES = 16;

/** What KEYHOLE_LAN says; `on` where it says nothing. */
export function lanMode(env: NodeJS.ProcessEnv = process.env): LanMode {
  const value = env.KEYHOLE_LAN;
  return value === 'off' || value === 'loopback' ? value : 'on';
}

/** The interfaces with a subnet; those of a tunnel to one other machine have no neighbours. */
export function lanInterfaces(mode: LanMode, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): LanInterface[] {
  if (mode === 'off') return [];
  return Object.entries(interfaces)
    .flatMap(([name, list]) => {
      const usable = (list ?? []).filter(
        (info) => info.internal === (mode === 'loopback') && prefixOf(info) < (isIPv4(info.address) ? 32 : 128),
      );
      return usable.length > 0 ? [lanInterface(name, usable)] : [];
    })
    .slice(0, MAX_INTERFACES);
}

function lanInterface(name: string, infos: readonly NetworkInterfaceInfo[]): LanInterface {
  const subnets = new BlockList();
  for (const info of infos) subnets.addSubnet(info.address, prefixOf(info), isIPv4(info.address) ? 'ipv4' : 'ipv6');
  const of = (family: 'IPv4' | 'IPv6') => infos.filter((info) => info.family === family).map(({ address }) => address);
  const scope = infos.find((info) => info.family === 'IPv6' && isLinkLocal(info.address));
  const zone = process.platform === 'win32' && scope?.family === 'IPv6' ? String(scope.scopeid) : name;
  return {
    name,
    zone,
    ipv4: of('IPv4'),
    ipv6: of('IPv6').filter((address) => !isLinkLocal(address)),
    hasIpv6: of('IPv6').length > 0,
    isNeighbour(address) {
      const [bare = '', of] = plain(address).split('%');
      if (of !== undefined && of !== zone) return false;
      return subnets.check(bare, isIPv4(bare) ? 'ipv4' : 'ipv6');
    },
    key: [name, zone, ...infos.map(({ cidr }) => cidr ?? '')].join(' '),
  };
}

/** An IPv4 address that came in IPv6 clothes as what it is. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');
const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address);

function prefixOf({ cidr, family }: NetworkInterfaceInfo): number {
  const prefix = Number(cidr?.split('/')[1]);
  return Number.isInteger(prefix) ? prefix : family === 'IPv4' ? 32 : 128;
}
