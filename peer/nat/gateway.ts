import { readFile } from 'node:fs/promises';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { gatewaysAllowed } from './gateway-mode.ts';
import { ipv4Number, ipv4Text, isWithin } from './addresses.ts';

/** A router that this machine's packets to the internet go through first. */
export interface Gateway {
  readonly address: string;
  /** Ours in its network. */
  readonly localAddress: string;
  /** Not told by the system: its address is a guess. */
  readonly guessed: boolean;
}

/** More default routes than this are no home network. */
const MAX_GATEWAYS = 4;
const MAX_GUESSES = 6;
const RTF_GATEWAY = 0x2;

/**
 * The gateways of IPv4. Linux tells; elsewhere nothing short of running a program does, so the usual addresses of home routers,
 * the first and the last of the network, are guessed: who is asked there is asked politely, and answers or does not.
 */
export async function findGateways(env: NodeJS.ProcessEnv = process.env): Promise<readonly Gateway[]> {
  if (!gatewaysAllowed(env)) return [];
  const locals = localNetworks(networkInterfaces());
  const routes = process.platform === 'linux' ? await readFile('/proc/net/route', 'latin1').catch(() => null) : null;
  return routes === null ? guessGateways(locals) : gatewaysOf(routes, locals);
}

interface LocalNetwork {
  readonly interface: string;
  readonly address: string;
  /** Bits of its mask. */
  readonly bits: number;
}

export function localNetworks(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): readonly LocalNetwork[] {
  return Object.entries(interfaces).flatMap(([name, list = []]) =>
    list.flatMap(({ address, family, internal, cidr }) => {
      const bits = Number(cidr?.split('/')[1] ?? 32);
      return family === 'IPv4' && !internal && Number.isInteger(bits) ? { interface: name, address, bits } : [];
    }),
  );
}

/** What `/proc/net/route` says: default routes by metric, each with our address in the network that leads to it. */
export function gatewaysOf(table: string, locals: readonly LocalNetwork[]): readonly Gateway[] {
  const routes = table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [name = '', destination, gateway = '', flags = '', , , metric, mask] = line.trim().split(/\s+/);
      const isDefault = destination === '00000000' && mask === '00000000' && (parseInt(flags, 16) & RTF_GATEWAY) !== 0;
      return isDefault && /^[0-9a-f]{8}$/i.test(gateway) ? { name, address: fromProc(gateway), metric: Number(metric) } : [];
    })
    .sort((one, other) => one.metric - other.metric);
  const found = routes.flatMap(({ name, address }) => {
    const own = locals.filter((local) => local.interface === name);
    const local = own.find(({ address: ours, bits }) => isWithin(address, ours, bits)) ?? own[0];
    return local ? { address, localAddress: local.address, guessed: false } : [];
  });
  return found.slice(0, MAX_GATEWAYS);
}

/** The first and the last address of each network of private size. */
export function guessGateways(locals: readonly LocalNetwork[]): readonly Gateway[] {
  const guesses = locals.flatMap(({ address, bits }) => {
    const value = ipv4Number(address);
    if (value === null || bits < 16 || bits > 30) return [];
    const first = (value & (0xffffffff << (32 - bits))) >>> 0;
    return [first + 1, first + 2 ** (32 - bits) - 2]
      .map(ipv4Text)
      .filter((guess) => guess !== address)
      .map((guess) => ({ address: guess, localAddress: address, guessed: true }));
  });
  return guesses.slice(0, MAX_GUESSES);
}

/** Eight hex digits in the machine's byte order, little-endian on all that Node runs on. */
function fromProc(hex: string): string {
  return ipv4Text(Buffer.from(hex, 'hex').readUInt32LE(0));
}
