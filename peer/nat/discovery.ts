import type { Clock } from '../../electron/base/clock.ts';
import type { Endpoint } from '../stun/address.ts';
import { isGlobalIpv6 } from './addresses.ts';
import { classicalOf, same } from './behaviour.ts';
import { behindAnother } from './carrier-nat.ts';
import { behindIpv4, endpointText, type Findings } from './discovery-ipv4.ts';
import { systemNetwork, type NatNetwork } from './nat-network.ts';
import type { PortMapper } from './port-mapper.ts';
import { answered } from './probes.ts';
import type { NatReport } from './report.ts';
import { StunSocket } from './stun-socket.ts';

export interface StunServerName {
  readonly host: string;
  readonly port: number;
}

export interface DiscoveryOptions {
  readonly clock: Clock;
  /** The first four are asked. */
  readonly servers: readonly StunServerName[];
  /** Null: gateways are left alone. */
  readonly mapper: Pick<PortMapper, 'map' | 'findings'> | null;
  /** Whether the internet was reached by other means (a rendezvous over TCP); null: not known. */
  readonly online: boolean | null;
  /** Finds out also how long a mapping lives: takes that long, up to five minutes. */
  readonly lifetime?: boolean;
  /** Ends what can be ended at once; the report is then of what was found so far. */
  readonly signal?: AbortSignal | undefined;
  readonly network?: NatNetwork;
}

const MAX_SERVERS = 4;

/**
 * Finds out what the NAT does that this machine is behind: RFC 5780 against the first server that has a second address, the
 * mapping alone from several servers where none has. Takes about three seconds. Never throws; what cannot be found out is
 * `unknown`, `null` or a note. IPv4 is what the mapping and the filtering are about.
 */
export async function discoverNat(options: DiscoveryOptions): Promise<NatReport> {
  const { clock, network = systemNetwork, lifetime = false, signal } = options;
  // Takes as long as the rest, and waits for nothing of it.
  void options.mapper?.findings();
  const sockets = new Set<StunSocket>();
  const openStun = async (localAddress: string): Promise<StunSocket> => {
    const socket = new StunSocket(await network.open(localAddress), clock);
    sockets.add(socket);
    if (signal?.aborted) socket.close();
    return socket;
  };
  // A closed one answers all that is asked of it at once: so everything ends.
  const stop = () => sockets.forEach((socket) => socket.close());
  signal?.addEventListener('abort', stop);
  const found: Findings = { observations: [], notes: [] };
  const names = options.servers.slice(0, MAX_SERVERS);
  const [servers, servers6] = await Promise.all(([4, 6] as const).map((family) => resolveAll(names, family, network)));
  const [ipv4, ipv6] = await Promise.all([
    behindIpv4({ servers: servers ?? [], clock, network, openStun, lifetime, signal }, found),
    hasIpv6({ servers: servers6 ?? [], network, openStun }, found),
  ]);
  signal?.removeEventListener('abort', stop);
  const { notes } = found;
  const udpBlocked =
    !ipv4.answered && !found.observations.some(({ mapped }) => mapped !== null) && options.online === true && names.length > 0;
  if (names.length === 0) notes.push('No STUN server was given, so the NAT could not be looked at.');
  else if (udpBlocked) notes.push('No STUN server answers, though the internet is there: this network lets no UDP out.');
  else if (!ipv4.answered) notes.push('No STUN server answers over IPv4: either there is no connection, or this network lets no UDP out.');

  const portMappings = await portMappingOf(options, ipv4.local);
  const cgnat = behindAnother(portMappings.findings, ipv4.publicAddress, ipv4.local, notes);
  return {
    at: clock.now(),
    mapping: ipv4.mapping,
    filtering: ipv4.filtering,
    classical: udpBlocked ? 'udp-blocked' : classicalOf(ipv4.mapping, ipv4.filtering),
    publicAddress: ipv4.publicAddress,
    allocation: ipv4.allocation,
    allocationStep: ipv4.allocationStep,
    // A mapping at a router behind another one leads nowhere.
    portMapping: cgnat ? null : portMappings.works,
    ipv6,
    cgnat,
    observations: found.observations,
    hairpin: ipv4.hairpin,
    mappingLifetimeS: ipv4.lifetimeS,
    portMappings: portMappings.findings,
    udpBlocked,
    notes,
  };
}

interface Ipv6Options {
  readonly servers: readonly Endpoint[];
  readonly network: NatNetwork;
  readonly openStun: (localAddress: string) => Promise<StunSocket>;
}

/** Whether this machine has a global IPv6 address; where a server has one too, whether that sees it. */
async function hasIpv6({ servers, network, openStun }: Ipv6Options, { observations, notes }: Findings): Promise<boolean> {
  if (!network.addresses().some(isGlobalIpv6)) return false;
  const asked = await Promise.all(
    servers.map(async (server) => {
      const local = await network.localAddress(server);
      const stun = local ? await openStun(local).catch(() => null) : null;
      if (!local || !stun) return false;
      const at = endpointText({ address: local, port: stun.port });
      const answer = answered(await stun.ask(server));
      stun.close();
      observations.push({ local: at, server: endpointText(server), mapped: answer && endpointText(answer.mapped) });
      return answer !== null && isGlobalIpv6(answer.mapped.address);
    }),
  );
  if (servers.length === 0) notes.push('This machine has an IPv6 address; no STUN server was there to try it with.');
  else if (!asked.includes(true)) notes.push('This machine has an IPv6 address, but nothing answers over IPv6.');
  return servers.length === 0 || asked.includes(true);
}

/** Has a port mapped for a moment: only that tells whether it works. */
async function portMappingOf({ mapper, network = systemNetwork, signal }: DiscoveryOptions, local: string | null) {
  if (!mapper || signal?.aborted) return { works: null, findings: [] };
  const socket = local ? await network.open(local).catch(() => null) : null;
  try {
    const mapping = socket && (await mapper.map(socket.address().port));
    const external = mapping?.externalAddress ?? null;
    await mapping?.close();
    const findings = (await mapper.findings()).map((finding) =>
      finding.protocol === mapping?.protocol ? { ...finding, external } : finding,
    );
    return { works: mapping?.protocol ?? null, findings };
  } finally {
    socket?.close();
  }
}

async function resolveAll(names: readonly StunServerName[], family: 4 | 6, network: NatNetwork): Promise<Endpoint[]> {
  const all = await Promise.all(names.map(async ({ host, port }) => ({ address: await network.resolve(host, family), port })));
  const found = all.flatMap(({ address, port }) => (address === null ? [] : { address, port }));
  return found.filter((one, index) => found.findIndex((other) => same(one, other)) === index);
}
