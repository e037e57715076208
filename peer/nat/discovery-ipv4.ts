import { isIPv4 } from 'node:net';
import type { Clock } from '../../electron/base/clock.ts';
import { hostText, type Endpoint } from '../stun/address.ts';
import { isPublicIpv4 } from './addresses.ts';
import { mappingOf, same, type Seen } from './behaviour.ts';
import { lifetimeOf, type Lifetime } from './lifetime.ts';
import type { NatNetwork } from './nat-network.ts';
import { allocationTest, answered, filteringOf, hairpinOf, type OpenStun } from './probes.ts';
import type { NatFiltering, NatObservation, NatReport } from './report.ts';
import type { StunSocket } from './stun-socket.ts';

/** What the tests against STUN servers found. */
export interface Findings {
  readonly observations: NatObservation[];
  readonly notes: string[];
}

interface Ipv4Options {
  readonly servers: readonly Endpoint[];
  readonly clock: Clock;
  readonly network: NatNetwork;
  readonly openStun: (localAddress: string) => Promise<StunSocket>;
  readonly lifetime: boolean;
  readonly signal: AbortSignal | undefined;
}

export type Ipv4Findings = Pick<NatReport, 'mapping' | 'filtering' | 'publicAddress' | 'allocation' | 'allocationStep' | 'hairpin'> & {
  readonly answered: boolean;
  readonly local: string | null;
  readonly lifetimeS: number | null;
};

const UNKNOWN: NatFiltering = 'unknown';

const NOTHING: Ipv4Findings = {
  answered: false,
  mapping: 'unknown',
  filtering: 'unknown',
  publicAddress: null,
  allocation: 'unknown',
  allocationStep: null,
  hairpin: null,
  local: null,
  lifetimeS: null,
};

/** All that STUN tells about IPv4: mapping, filtering, hairpin, ports. */
export async function behindIpv4(options: Ipv4Options, { observations, notes }: Findings): Promise<Ipv4Findings> {
  const { servers, clock, network, openStun } = options;
  const [first] = servers;
  const local = first ? await network.localAddress(first) : null;
  if (!local) return NOTHING;
  const open: OpenStun = () => openStun(local);
  try {
    const socket = await open();
    try {
      const at = { address: local, port: socket.port };
      const seen: Seen[] = [];
      const ask = async (server: Endpoint) => {
        const answer = answered(await socket.ask(server));
        observations.push({ local: endpointText(at), server: endpointText(server), mapped: answer && endpointText(answer.mapped) });
        if (answer) seen.push({ server, mapped: answer.mapped });
        return answer;
      };
      const answers = await Promise.all(servers.map(async (server) => ({ server, answer: await ask(server) })));
      const working = answers.flatMap(({ server, answer }) => (answer ? { server, other: trusted(server, answer.other) } : []));
      const main =
        working.find(({ server, other }) => other && other.address !== server.address) ?? working.find(({ other }) => other) ?? working[0];
      if (!main) return { ...NOTHING, local };
      const { server, other } = main;
      const complete = other !== null && other.address !== server.address;
      if (other) await Promise.all([...(complete ? [ask({ address: other.address, port: server.port })] : []), ask(other)]);
      const { mapping, assumed } = mappingOf(at, seen);
      if (assumed && mapping !== 'unknown')
        notes.push('No STUN server with two addresses was there: the mapping is what the servers tell so far.');
      if (!complete) notes.push('No STUN server can answer from a second address, so it is not known who is let in.');
      const [filtering, hairpin, allocation, lifetime] = await Promise.all([
        complete ? filteringOf(server, open) : UNKNOWN,
        mapping === 'none' ? null : hairpinOf(server, open),
        mapping === 'none' ? ({ allocation: 'preserved', step: null } as const) : allocationTest(server, open, clock),
        options.lifetime ? lifetimeOf(server, open, clock, { signal: options.signal }) : undefined,
      ]);
      if (lifetime !== undefined) notes.push(lifetimeNote(lifetime));
      return {
        answered: true,
        mapping,
        filtering,
        publicAddress: seen.find((one) => same(one.server, server))?.mapped.address ?? null,
        allocation: allocation.allocation,
        allocationStep: allocation.step,
        hairpin,
        local,
        lifetimeS: lifetime?.atLeastS ?? null,
      };
    } finally {
      socket.close();
    }
  } catch {
    // No socket to be had: the address went while it was being used.
    return { ...NOTHING, local };
  }
}

/** A server of the internet that names a place in our own network as its other address wants us to probe that. */
function trusted(server: Endpoint, other: Endpoint | null): Endpoint | null {
  if (!other || !isIPv4(other.address) || other.port === 0) return null;
  return isPublicIpv4(server.address) && !isPublicIpv4(other.address) ? null : other;
}

function lifetimeNote(lifetime: Lifetime | null): string {
  if (!lifetime) return 'How long a mapping lives could not be found out: no STUN server helps with that (RESPONSE-PORT of RFC 5780).';
  const { atLeastS, goneByS } = lifetime;
  return goneByS === null
    ? `An unused mapping lives longer than ${atLeastS} s.`
    : `An unused mapping lives between ${atLeastS} and ${goneByS} s.`;
}

export function endpointText({ address, port }: Endpoint): string {
  return `${hostText(address)}:${port}`;
}
